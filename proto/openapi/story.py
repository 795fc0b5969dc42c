"""The examples of docs/api.md: requests and answers in the order in which they were written, and are sent.

A request is a fence of the language `http`: a line with method and path, lines of headers, and a body of JSON. The
fence of the language `json` after it is the answer. A bare `…` leaves out the rest of an object or a list; a text with
one in it stands for a value that is another each time.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

REST = "…"
_OK = 200
_FENCED = re.compile(r"^```http\n(?P<request>.*?)^```\n\s*^```json\n(?P<answer>.*?)^```$", re.MULTILINE | re.DOTALL)
_REQUEST = re.compile(
    r"(?P<method>[A-Z]+) (?P<target>\S+)\n(?P<headers>(?:[a-z-]+: [^\n]*\n)*)\n*(?P<body>.*)", re.DOTALL
)
_HEADER = re.compile(r"([a-z-]+): (.*)\n")
# Outside of any text: those that are inside have their quotes' end before the bracket.
_REST_OF_OBJECT, _REST_OF_LIST = re.compile(r"…(?=\s*\})"), re.compile(r"…(?=\s*\])")


class NotAnExample(Exception):
    """What stands between the fences cannot be read."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its answer. `line`: where in the page; `status`: of HTTP."""

    line: int
    method: str
    target: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any

    @property
    def path(self) -> str:
        """Without its query, and as a path is written that has both ways."""
        return self.target.partition("?")[0].rstrip("/")

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters after the path."""
        return parse_qs(self.target.partition("?")[2])

    def of(self, templates: list[str]) -> str:
        """Which of these (`/devices/{id}`) its path is; the one with the fewest variables."""
        return min((each for each in templates if _matched(each, self.path)), key=lambda each: each.count("{"))

    def variables(self, template: str) -> dict[str, str]:
        """What stands in its path for the variables of a template that it is of."""
        match = _matched(template, self.path)
        return {name: unquote(value) for name, value in match.groupdict().items()} if match else {}

    @property
    def whole(self) -> bool:
        """Whether nothing of the answer is left out."""
        return _whole(self.answer)


class Story:
    """The examples of a page, by operation."""

    def __init__(self, page: str) -> None:
        self._examples = examples(page)

    def tell(self, verb: str, path: str, operation: dict[str, Any], *, among: list[str]) -> None:
        """Puts the first example of an operation that succeeds into it; `among`: the paths that there are."""
        told = [each for each in self._examples if each.method == verb.upper() and each.status == _OK]
        first = next((each for each in told if each.of(among) == path), None)
        if first is None:
            return
        for parameter in operation.get("parameters", []):
            values = first.query.get(parameter["name"]) if parameter["in"] == "query" else None
            value = values[0] if values else first.variables(path).get(parameter["name"])
            if value is not None:
                number = parameter["schema"].get("type") == "integer"
                parameter["example"] = int(value) if number else value
        if first.body is not None:
            operation["requestBody"]["content"]["application/json"]["example"] = first.body
        if first.whole:
            operation["responses"]["200"]["content"]["application/json"]["example"] = first.answer


def _whole(value: Any) -> bool:
    if isinstance(value, dict):
        return REST not in value and all(map(_whole, value.values()))
    return not isinstance(value, list) or all(each != REST and _whole(each) for each in value)


def _matched(template: str, path: str) -> re.Match[str] | None:
    return re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)), path)


def examples(page: str) -> list[Example]:
    """All of a page. Raises NotAnExample that names the line."""
    found = []
    for fence in _FENCED.finditer(page):
        line = page.count("\n", 0, fence.start()) + 1
        request = _REQUEST.fullmatch(fence["request"])
        if request is None:
            raise NotAnExample(f"line {line}: {fence['request']}")
        status, answer = 200, fence["answer"]
        if answer.startswith("HTTP "):
            first, _, answer = answer.partition("\n")
            status = int(first.removeprefix("HTTP "))
        found.append(
            Example(
                line=line,
                method=request["method"],
                target=request["target"],
                headers=dict(_HEADER.findall(request["headers"])),
                body=_read(request["body"], line) if request["body"].strip() else None,
                status=status,
                answer=_read(answer, line),
            )
        )
    return found


def _read(text: str, line: int) -> Any:
    whole = _REST_OF_LIST.sub(f'"{REST}"', _REST_OF_OBJECT.sub(f'"{REST}": "{REST}"', text))
    try:
        return json.loads(whole)
    except json.JSONDecodeError as error:
        raise NotAnExample(f"line {line}: {error}") from error
