"""What the comments say: text for people, and the failures that a method names.

The language of the contracts, as their comments speak it:

    Fails with CODE / REASON (when), CODE / REASON or OTHER_REASON, and as OtherMethod.    a method's failures, all of them
    Also fails with CODE / REASON (when).                           besides those that its service names for all
    Fails as OtherMethod.                                           those of another method of the service
    Every action fails with ...   What changes a rule fails with .. in a service's comment: for what changes something
    Every method fails with ...                                     in a service's comment: for all

Such sentences become responses and leave the description.
"""

import re
from dataclasses import dataclass

from openapi.contract import Method, Service

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
    r"(?: \((?P<when>(?:[^()]|\([^()]*\))*)\))?"
)
_REASON = re.compile(r"[A-Z][A-Z0-9_]+")
_LIKE = re.compile(r"\bas (?P<method>[A-Z][A-Za-z]+)\b")
# To the full stop; those within parentheses end nothing.
_SENTENCE = re.compile(r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\.(?!\s|$)|[^.(])+(?:\.|$)\s*")
_FAILS = re.compile(r"\b(fails|fail) (with|as)\b", re.IGNORECASE)


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
    paragraphs = ["".join(s for s in _sentences(block) if not _FAILS.search(s)) for block in text(comment).split("\n\n")]
    rest = "\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph.strip())
    first = next(iter(_sentences(rest)), "")
    return first.strip().removesuffix("."), rest[len(first) :].strip()


def failures(service: Service, method: Method, *, makes: bool, changes: bool) -> list[Failure]:
    """What the contract names for a method. `makes`: it is about nothing that exists already; `changes`: it is no query."""
    own = _stated(method.comment)
    found = _named(own)
    for name in _LIKE.findall(" ".join(own)):
        like = next((other for other in service.methods if other.name == name and other is not method), None)
        if like is not None:
            found += failures(service, like, makes=makes, changes=changes)
    for sentence in _stated(service.comment):
        everywhere = re.match(r"every (method|call)\b", sentence, re.IGNORECASE)
        in_full = own and not any(each.lower().startswith("also ") for each in own)
        if everywhere or (changes and not in_full):
            found += [each for each in _named([sentence]) if not (makes and each.code in _OF_WHAT_EXISTS)]
    first: dict[tuple[str, str], Failure] = {}
    for each in found:
        first.setdefault((each.code, each.reason), each)
    return list(first.values())


def _stated(comment: str) -> list[str]:
    sentences = [sentence for block in text(comment).split("\n\n") for sentence in _sentences(block)]
    return [sentence.strip() for sentence in sentences if _FAILS.search(sentence)]


def _named(sentences: list[str]) -> list[Failure]:
    """CODE / REASON or OTHER (when) → two failures. A code alone stands for its reason."""
    found = []
    for sentence in sentences:
        for match in _FAILURE.finditer(sentence, _FAILS.search(sentence).end()):  # pyright: ignore[reportOptionalMemberAccess]
            for reason in _REASON.findall(match["reasons"] or match["code"]):
                found.append(Failure(match["code"], reason, match["when"] or ""))
    return found


def _sentences(block: str) -> list[str]:
    return _SENTENCE.findall(block) if not block.startswith("```") else [block]
