"""The description of the API, as the edge serves it; and that a wheel has it."""

import json
import re
import zipfile
from pathlib import Path

import httpx
import pytest
from hatchling.builders.wheel import WheelBuilder
from starlette.applications import Starlette

from gateway import docs

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))


@pytest.fixture
async def edge():
    transport = httpx.ASGITransport(Starlette(routes=docs.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
        yield http


async def test_the_page_shows_every_operation_with_who_may_call_it_and_how(edge):
    page = (await edge.get("/docs")).text
    shown = re.findall(r'<details class="operation" id="(\w+)".*?</details>', page, re.DOTALL)
    operations = {each["operationId"]: each for verbs in DOCUMENT["paths"].values() for each in verbs.values()}
    assert sorted(shown) == sorted(operations)
    plain = page.replace("<wbr>", "")
    for path, verbs in DOCUMENT["paths"].items():
        assert f'<code class="path">{path}</code>' in plain
        for verb, operation in verbs.items():
            section = plain.partition(f'id="{operation["operationId"]}"')[2].partition("</details>")[0]
            assert f'<b class="method {verb}">{verb.upper()}</b>' in section
            assert "curl" in section
            assert ('class="who">anyone' in section) == bool(operation["x-fieldstock-access"].get("anyone"))
            for response in operation["responses"].values():
                for failure in response.get("x-fieldstock-reasons", []):
                    assert failure["reason"] in section


async def test_every_link_within_the_page_leads_somewhere(edge):
    page = (await edge.get("/docs")).text
    targets = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= targets
    for path in set(re.findall(r'(?:href|src)="([^#"]+)"', page)):
        assert (await edge.get(path)).status_code == 200


async def test_nothing_of_the_page_comes_from_elsewhere_or_is_inline(edge):
    response = await edge.get("/docs")
    assert response.headers["content-security-policy"].startswith("default-src 'self';")
    assert not re.search(r'(?:href|src)="(?:[a-z]+:)?//', response.text)
    assert not re.search(r"<style|<script>|\sstyle=|\son\w+=", response.text)


async def test_who_has_it_already_is_told_so(edge):
    for path in ("/docs", "/openapi.json", "/docs/style.css"):
        first = await edge.get(path)
        assert first.headers["x-content-type-options"] == "nosniff"
        again = await edge.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await edge.get(path, headers={"if-none-match": '"older"'})).content == first.content


def test_a_wheel_has_all_that_is_served(tmp_path):
    folder = ROOT / "gateway"
    (wheel,) = WheelBuilder(str(folder)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as packed:
        kept = {path.name for path in (folder / "gateway" / "docs").iterdir() if path.is_file()}
        assert {f"gateway/docs/{name}" for name in kept} <= set(packed.namelist())
        assert json.loads(packed.read("gateway/docs/openapi.json")) == DOCUMENT
