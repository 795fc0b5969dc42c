"""The OpenAPI document says what is so: it is valid, complete, and Envoy and the services answer as it tells."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS = {
    f"{verb.upper()} {path}": operation
    for path, verbs in DOCUMENT["paths"].items()
    for verb, operation in verbs.items()
}
QUERIES = [name for name in OPERATIONS if name.startswith("GET ")]


def _bound(rule: Any) -> set[str]:
    found = {
        f"{verb.upper()} {re.sub(r'=[^}]*', '', path)}"
        for verb in ("get", "post", "put", "delete", "patch")
        if (path := getattr(rule, verb))
    }
    return found.union(*(_bound(other) for other in rule.additional_bindings))


def test_it_is_valid():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_it_has_every_rpc_that_rest_has_and_nothing_else():
    files = descriptor_pb2.FileDescriptorSet.FromString((ROOT / "build" / "fieldstock.binpb").read_bytes()).file
    bound: dict[str, str] = {}
    for file in files:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                rpc = f"{file.package}.{service.name}/{method.name}"
                if file.package.startswith("fieldstock."):
                    bound |= dict.fromkeys(_bound(rule), rpc)
    assert {name: operation["x-fieldstock-rpc"] for name, operation in OPERATIONS.items()} == bound


def _reasons(name: str) -> set[str]:
    responses = [_resolved(response) for response in OPERATIONS[name]["responses"].values()]
    return {each["reason"] for response in responses for each in response.get("x-fieldstock-reasons", [])}


def test_each_failure_that_a_comment_names_is_among_the_responses():
    rpcs = {operation["x-fieldstock-rpc"]: name for name, operation in OPERATIONS.items()}
    found = 0
    for file in descriptor_pb2.FileDescriptorSet.FromString((ROOT / "build" / "fieldstock.binpb").read_bytes()).file:
        for location in file.source_code_info.location:
            if len(location.path) == 4 and (location.path[0], location.path[2]) == (6, 2):
                service = file.service[location.path[1]]
                name = rpcs.get(f"{file.package}.{service.name}/{service.method[location.path[3]].name}")
                named = set(re.findall(r"\b[A-Z_]+\s+/\s+([A-Z][A-Z_]+)", location.leading_comments))
                assert name is None or named <= _reasons(name)
                found += len(named)
    assert found > 20


def test_a_failure_that_a_service_names_for_all_is_among_those_of_the_methods_that_it_is_true_of():
    assert {"INVALID_TRANSITION", "STALE_VERSION", "DEVICE_NOT_FOUND"} <= _reasons("PUT /devices/{id}/deploy")
    assert "STALE_VERSION" not in _reasons("GET /devices/{id}")
    assert not {"DEVICE_NOT_FOUND", "INVALID_TRANSITION"} & _reasons("POST /devices")
    assert "INVALID_PAGE_TOKEN" in _reasons("GET /devices/in_stock")


def test_a_name_of_its_own_in_json_is_the_one_that_a_body_is_told():
    body = OPERATIONS["PUT /devices/{id}/reserve"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["for"]
    assert "reserved_for" in body["properties"]["for"]["description"]


def test_an_operation_that_needs_a_token_says_so():
    for name, operation in OPERATIONS.items():
        open_to_all = operation["x-fieldstock-access"].get("anyone", False)
        assert (operation["security"] == []) == open_to_all, name
        assert ("401" in operation["responses"]) >= (not open_to_all), name


def _path(name: str, unlike: str = "2000000000") -> str:
    """The operation's path, about something that does not exist."""
    return re.sub(r"\{[^}]+\}", unlike, name.partition(" ")[2])


@pytest.mark.parametrize("name", OPERATIONS)
async def test_envoy_has_it(name, admin):
    # Refused by Envoy for its query, once the path has been found: nothing is done by it.
    verb = name.partition(" ")[0]
    for slash in ("", "/"):
        no = await admin.refused(verb, _path(name) + slash, params={"no_such_parameter": "1"})
        assert (no.status, no.reason) == (400, "INVALID_REQUEST"), no
    no = await admin.refused(verb, _path(name) + "/no/such/path", params={"no_such_parameter": "1"})
    assert (no.status, no.reason) == (404, "NO_SUCH_ENDPOINT")


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_is_answered_as_it_says(name, admin):
    operation = OPERATIONS[name]
    response = await admin.http.get(_path(name))
    said = operation["responses"].get(str(response.status_code))
    assert said, response.text
    if response.is_error:
        said = _resolved(said)
        assert response.json()["details"][0]["reason"] in {each["reason"] for each in said["x-fieldstock-reasons"]}
    _assert_fits(response.json(), said["content"]["application/json"]["schema"])


@pytest.mark.parametrize("name", QUERIES)
async def test_envoy_takes_each_parameter_of_a_query(name, admin):
    for parameter in OPERATIONS[name].get("parameters", []):
        if parameter["in"] == "query":
            usual = {"integer": 1, "boolean": True, "string": "x"}
            example = parameter.get("example", usual.get(parameter["schema"]["type"]))
            response = await admin.http.get(_path(name), params={parameter["name"]: example})
            assert "INVALID_REQUEST" not in response.text, (parameter, response.text)


async def test_a_device_is_as_the_document_says_everywhere(admin, ready):
    given = {"device_id": ready.id, "metrics": {"temperature": 21.5}}
    answers = {
        "POST /monitoring/data": await admin("POST", "/monitoring/data", given),
        "GET /devices/{id}": await admin("GET", f"/devices/{ready.id}"),
        "GET /devices": await admin("GET", "/devices"),
        "GET /devices/{id}/logs": await admin("GET", f"/devices/{ready.id}/logs"),
        "GET /monitoring/data/{device_id}": await admin("GET", f"/monitoring/data/{ready.id}"),
        "GET /monitoring/devices/{device_id}": await admin("GET", f"/monitoring/devices/{ready.id}"),
    }
    for name, answer in answers.items():
        _assert_fits(answer, OPERATIONS[name]["responses"]["200"]["content"]["application/json"]["schema"])


def _resolved(response: dict[str, Any]) -> dict[str, Any]:
    name = response.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["responses"][name] if name else response


def _assert_fits(answer: Any, schema: dict[str, Any]) -> None:
    """The answer has what the schema requires, and nothing that the schema does not know."""
    closed = json.loads(json.dumps(DOCUMENT["components"]))
    for name, each in closed["schemas"].items():
        if name != "Error" and "properties" in each:
            each["additionalProperties"] = False
    Draft202012Validator({**schema, "components": closed}).validate(answer)


async def test_the_description_needs_no_token(anyone):
    page = await anyone.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f">{path}<" in page.text.replace("<wbr>", "") for path in DOCUMENT["paths"])
    assert (await anyone.http.get("/docs/")).text == page.text
    assert (await anyone.http.get("/docs/style.css")).headers["content-type"] == "text/css; charset=utf-8"
    document = await anyone.http.get("/openapi.json")
    assert (document.headers["content-type"], document.json()) == ("application/json", DOCUMENT)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_the_description_is_only_read(path, anyone):
    assert (await anyone.refused("POST", path, {})).reason == "NO_SUCH_ENDPOINT"


async def test_what_only_looks_like_the_description_needs_a_token(anyone):
    for path in ("/docsx", "/openapi.json/x", "/openapi.jsonx"):
        assert (await anyone.refused("GET", path)).status == 401
