"""What the comments say: text for people, and the failures that a method names.

The language of the contracts, as their comments speak it:

    Fails with CODE / REASON (when), CODE / REASON or OTHER_REASON, and as OtherMethod.
    Fails also with CODE / REASON when something is so.
    Fails as OtherMethod.                           as another method of the service
    All fail with ... Every method fails with ...   in a service's comment: every method of it
    Every action fails with ... What changes ...    in a service's comment: what changes something; of that, what makes
                                                    something new (POST) fails with nothing that needs something old

Such sentences become responses and leave the description.
"""

import re
from dataclasses import dataclass, replace

from openapi.contract import Message, Method, Service

# As Envoy's convert_grpc_status does.
HTTP_STATUS = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400,
    "ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}  # fmt: skip
# Of something that is there already, so not of what is about to be made.
_OF_WHAT_EXISTS = {"NOT_FOUND", "ABORTED", "FAILED_PRECONDITION"}

_CODE = "|".join(HTTP_STATUS)
_FAILURE = re.compile(
    rf"\b(?P<code>{_CODE})\b"
    r"(?: / (?P<reasons>[A-Z][A-Z0-9_]*\b(?:(?:, or|,| or| and) [A-Z][A-Z0-9]*_[A-Z0-9_]*\b(?! /))*))?"
    r"(?: \((?P<when>(?:[^()]|\([^()]*\))*)\)| (?:also )?(?P<clause>(?:when|for) [^.,]+))?"
)
_REASON = re.compile(r"[A-Z][A-Z0-9_]+")
_LIKE = re.compile(r"\bas (?P<method>[A-Z][A-Za-z]+)\b")
# To the full stop; those within parentheses end nothing.
_SENTENCE = re.compile(r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\.(?!\s|$)|[^.(])+(?:\.|$)\s*")
_FAILS = re.compile(r"\bfails? (also )?(with|as)\b", re.IGNORECASE)
_OF_ALL = re.compile(r"(all|every (method|call))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A gRPC code, the stable reason that comes with it, and when it happens."""

    code: str
    reason: str
    when: str

    @property
    def status(self) -> int:
        return HTTP_STATUS[self.code]


def text(comment: str) -> str:
    """A comment as CommonMark: its lines joined to paragraphs, what is indented kept as it is."""
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", comment.strip("\n")):
        lines = [line.removeprefix(" ") for line in block.rstrip().splitlines()]
        if lines and all(line.startswith("  ") for line in lines):
            blocks.append("```\n" + "\n".join(line[2:] for line in lines) + "\n```")
        elif lines:
            blocks.append(" ".join(line.strip() for line in lines))
    return "\n\n".join(blocks)


def described(comment: str) -> tuple[str, str]:
    """The first sentence of a method's comment, and the rest of it; without the failures."""
    paragraphs = [
        "".join(s for s in _sentences(block) if not _FAILS.search(s)) for block in text(comment).split("\n\n")
    ]
    rest = "\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph.strip())
    first = next(iter(_sentences(rest)), "")
    return first.strip().removesuffix("."), rest[len(first) :].strip()


def failures(service: Service, method: Method, request: Message, *, verb: str) -> list[Failure]:
    """What the contract names for a method at this verb of HTTP."""
    found = _of(service, method)
    for field in request.fields:
        found += [
            replace(each, when=f"see `{field.name}`")
            for each in _named(text(field.comment))
            if each.reason != each.code
        ]
    for sentence in _stated(service.comment):
        if _OF_ALL.match(sentence):
            found += _named(sentence)
        elif verb != "get":
            found += [each for each in _named(sentence) if verb != "post" or each.code not in _OF_WHAT_EXISTS]
    first: dict[tuple[str, str], Failure] = {}
    for each in found:
        first.setdefault((each.code, each.reason), each)
    return list(first.values())


def _of(service: Service, method: Method) -> list[Failure]:
    """Those that the method's own comment names, itself or by the name of another."""
    found = []
    for sentence in _stated(method.comment):
        found += _named(sentence)
        for name in _LIKE.findall(sentence):
            found += [
                each for other in service.methods if other.name == name != method.name for each in _of(service, other)
            ]
    return found


def _stated(comment: str) -> list[str]:
    sentences = [sentence for block in text(comment).split("\n\n") for sentence in _sentences(block)]
    return [sentence.strip() for sentence in sentences if _FAILS.search(sentence)]


def _named(sentence: str) -> list[Failure]:
    """CODE / REASON or OTHER (when) → two failures. A code alone stands for its reason."""
    return [
        Failure(match["code"], reason, match["when"] or match["clause"] or "")
        for match in _FAILURE.finditer(sentence)
        for reason in _REASON.findall(match["reasons"] or match["code"])
    ]


def _sentences(block: str) -> list[str]:
    return _SENTENCE.findall(block) if not block.startswith("```") else [block]
