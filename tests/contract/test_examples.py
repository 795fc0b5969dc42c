"""docs/api.md tells the truth: its examples, sent in their order to a new Fieldstock, answer what it says."""

import importlib.util
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fieldstock_dev.settings import Settings
from fieldstock_dev.stack import Stack

ROOT = Path(__file__).parents[2]
# The generator of the OpenAPI document reads the page too; it is a program, and no package that could be imported.
_SPEC = importlib.util.spec_from_file_location("story", ROOT / "proto" / "openapi" / "story.py")
story = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(story)

EXAMPLES = story.examples((ROOT / "docs" / "api.md").read_text("utf-8"))
PATHS = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))["paths"]
OPERATIONS = {(verb.upper(), path): operation for path, verbs in PATHS.items() for verb, operation in verbs.items()}
TIME, DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), re.compile(r"\d{4}-\d\d-\d\d")
# By when what one service does is known to all.
SECONDS = 10


def _operation(example: Any) -> tuple[str, str]:
    return example.method, example.of(list(PATHS))


def test_every_endpoint_has_an_example():
    told = {_operation(example) for example in EXAMPLES}
    assert [name for name in OPERATIONS if name not in told] == []


def test_the_openapi_document_tells_the_same_examples():
    bodies = {}
    for example in EXAMPLES:
        if example.body is not None and example.status == httpx.codes.OK:
            bodies.setdefault(_operation(example), example.body)
    for name, body in bodies.items():
        assert OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"] == body


class Reader:
    """Who does what the page says, and notes what it writes for values that are others each time."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._noted: dict[str, str] = {}

    def follow(self, example: Any) -> None:
        """Sends it, and again while it is refused, or asks for what will come, until the answer is the one told."""
        deadline = time.monotonic() + SECONDS
        while True:
            response = self._send(example)
            noted = dict(self._noted)
            try:
                assert response.status_code == example.status, response.text
                self._compare(example.answer, response.json(), "", noted, given=_texts(example.body))
            except AssertionError as error:
                done = response.is_success and example.method != "GET"
                if done or time.monotonic() > deadline:
                    told = f"docs/api.md:{example.line}: {example.method} {example.target}: {error}"
                    raise AssertionError(told) from error
                time.sleep(0.05)  # between two looks at a condition
            else:
                self._noted = noted
                return

    def _send(self, example: Any) -> httpx.Response:
        headers = dict(example.headers)
        if OPERATIONS[_operation(example)]["security"]:
            headers.setdefault("authorization", "Bearer eyJ…admin")
        headers = {name: self._true(value) for name, value in headers.items()}
        body = None if example.body is None else self._true(json.dumps(example.body, ensure_ascii=False))
        return self._http.request(example.method, self._true(example.target), content=body, headers=headers)

    def _true(self, text: str) -> str:
        """The text with what was noted in the place of what the page has."""
        for told in sorted(self._noted, key=len, reverse=True):
            text = text.replace(told, self._noted[told])
        assert "…" not in text, f"{text} was never answered before"
        return text

    def _compare(self, told: Any, got: Any, where: str, noted: dict[str, str], *, given: set[str]) -> None:
        if isinstance(told, dict):
            assert isinstance(got, dict), where
            names = told.keys() - {"…"}
            assert names <= got.keys() if "…" in told else names == got.keys(), f"{where}: {got}"
            for name in names:
                self._compare(told[name], got[name], f"{where}.{name}", noted, given=given)
        elif isinstance(told, list):
            first = told[:-1] if told[-1:] == ["…"] else told
            assert len(got) >= len(first) if first is not told else len(got) == len(told), f"{where}: {got}"
            for number, (one, other) in enumerate(zip(first, got, strict=False)):
                self._compare(one, other, f"{where}[{number}]", noted, given=given)
        elif isinstance(told, str) and "…" in told:
            assert isinstance(got, str), where
            assert got, f"{where} is empty"
            assert noted.setdefault(told, got) == got, where
        elif isinstance(told, str) and told not in given and TIME.fullmatch(told):
            assert TIME.fullmatch(got), f"{where}: {got}"
        elif isinstance(told, str) and DATE.fullmatch(told) and where.rpartition(".")[2] != "purchase_date":
            today = datetime.now(UTC).date()
            assert abs((datetime.fromisoformat(got).date() - today).days) <= 1, f"{where}: {got}"
        else:
            assert (type(told), told) == (type(got), got), f"{where}: {got!r}, not {told!r}"


def _texts(value: Any) -> set[str]:
    """The texts that a body gives: an answer has to have them as they are."""
    if isinstance(value, dict | list):
        return set().union(*map(_texts, value.values() if isinstance(value, dict) else value))
    return {value} if isinstance(value, str) else set()


@pytest.fixture
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Of a Fieldstock that nobody has used: its first device is device 1."""
    # Its own servers, also where those of this run are in the environment.
    own = {"postgres_url": None, "mongodb_uri": None, "amqp_url": None}
    settings = Settings(**own, admin_password=SecretStr("correct horse battery staple"))
    with (
        Stack(home=tmp_path_factory.mktemp("story"), small=True, settings=settings) as stack,
        httpx.Client(base_url=stack.base_url, timeout=30) as http,
    ):
        yield Reader(http)


def test_the_examples_answer_what_they_say(reader):
    for example in EXAMPLES:
        reader.follow(example)
