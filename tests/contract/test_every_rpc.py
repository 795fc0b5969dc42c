"""What must hold for every RPC, the next one included: read off the descriptors that Envoy transcodes with."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from fieldstock.access.v1 import access_pb2

ROOT = Path(__file__).parents[2]


def _methods() -> Iterator[Any]:
    files = descriptor_pb2.FileDescriptorSet.FromString((ROOT / "build" / "fieldstock.binpb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    message_factory.GetMessageClassesForFiles([file.name for file in files.file], pool)
    for file in files.file:
        if file.package.startswith("fieldstock."):
            for service in file.service:
                yield from pool.FindServiceByName(f"{file.package}.{service.name}").methods


METHODS = {method.full_name: method for method in _methods()}
# Between the services: Envoy has no way to them, and so need they no token that a service would have to have.
INTERNAL = {"fieldstock.auth.v1.RevocationService.ListRevocations"}


def _option(method: Any, extension: Any) -> Any:
    """An option, read with the stubs' own classes: the pool above knows the extension under another class."""
    options = descriptor_pb2.MethodOptions.FromString(method.GetOptions().SerializeToString())
    return options.Extensions[extension] if options.HasExtension(extension) else None


@pytest.mark.parametrize("name", METHODS)
def test_it_says_who_may_call_it(name):
    access = _option(METHODS[name], access_pb2.access)
    assert access is not None, "without the option it is denied to all"
    assert access.anyone or access.at_least or access.also
    assert not (access.anyone and (access.at_least or access.also))


@pytest.mark.parametrize("name", METHODS)
def test_it_has_a_place_in_rest_unless_it_streams(name):
    method = METHODS[name]
    rule = _option(method, annotations_pb2.http)
    assert (rule is None) == (method.client_streaming or method.server_streaming or name in INTERNAL)
    if rule is not None:
        path = rule.get or rule.post or rule.put or rule.delete
        assert path.split("/")[1] in {"auth", "users", "devices", "monitoring", ".well-known"}
        assert not path.endswith("/")


@pytest.mark.parametrize("name", [name for name in METHODS if name.rpartition(".")[2].startswith("List")])
def test_a_list_has_pages(name):
    request, answer = METHODS[name].input_type.fields_by_name, METHODS[name].output_type.fields_by_name
    assert {"page_size", "page_token"} <= set(request.keys())
    assert "next_page_token" in answer.keys()  # noqa: SIM118 - a mapping that only looks like one


@pytest.mark.parametrize("name", METHODS)
async def test_envoy_asks_for_a_token_where_the_access_option_does(name, anyone):
    service, _, method = name.rpartition(".")
    response = await anyone.http.post(
        f"/{service}/{method}", content=b"\0\0\0\0\0", headers={"content-type": "application/grpc"}
    )
    asked = response.headers.get("grpc-status") == "16" and "Jwt" in response.headers.get("grpc-message", "")
    assert asked != _option(METHODS[name], access_pb2.access).anyone


@pytest.mark.parametrize("name", sorted(INTERNAL))
async def test_envoy_has_no_way_to_what_is_between_the_services(name, admin):
    service, _, method = name.rpartition(".")
    response = await admin.http.post(
        f"/{service}/{method}", content=b"\0\0\0\0\0", headers={"content-type": "application/grpc"}
    )
    assert response.headers["grpc-status"] == "12"


def test_envoy_transcodes_every_service():
    text = re.sub(r"\$\{\w+\}", "0", (ROOT / "envoy" / "envoy.yaml").read_text())
    manager = yaml.safe_load(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    filters = {each["name"]: each["typed_config"] for each in manager["http_filters"]}
    transcoded = set(filters["envoy.filters.http.grpc_json_transcoder"]["services"])
    assert transcoded == {name.rpartition(".")[0] for name in METHODS}
