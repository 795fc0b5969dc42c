"""The dashboard's page, as the edge serves it."""

import gzip
import re

import httpx
import pytest
from starlette.applications import Starlette

from gateway import page

INDEX = '<!doctype html><script type="module" src="/app/assets/index-abc.js"></script>'
SCRIPT = "export const words = 'of the page';\n" * 100


@pytest.fixture
async def edge(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets" / "index-abc.js").write_text(SCRIPT)
    transport = httpx.ASGITransport(Starlette(routes=page.routes(tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
        yield http


@pytest.mark.parametrize("path", ["/", "/app", "/app/", "/app/devices", "/app/devices/7?from=1", "/app/of/tomorrow"])
async def test_every_view_is_the_page_and_asked_about_each_time(edge, path):
    answer = await edge.get(path)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = await edge.get(path, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_an_asset_is_kept_for_good_and_sent_small(edge):
    answer = await edge.get("/app/assets/index-abc.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0)) < len(SCRIPT)
    plain = await edge.get("/app/assets/index-abc.js", headers={"accept-encoding": "identity"})
    assert plain.text == SCRIPT
    assert "content-encoding" not in plain.headers


async def test_an_asset_of_another_release_is_not_the_page(edge):
    answer = await edge.get("/app/assets/index-old.js")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


async def test_nothing_may_come_from_elsewhere(edge):
    policy = (await edge.get("/")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert set(re.findall(r"(?:https?|wss?):", policy)) == set()


def test_without_a_page_there_are_no_routes_and_with_a_wrong_folder_no_start(tmp_path):
    assert page.routes(None) == []
    with pytest.raises(FileNotFoundError):
        page.routes(tmp_path)
