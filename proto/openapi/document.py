"""The document: every operation of every service, and what they share."""

import json
from typing import Any

from openapi import prose
from openapi.contract import Contract
from openapi.operations import Operations, tag
from openapi.responses import shared
from openapi.schemas import Schemas, error_schemas
from openapi.story import Story

_ABOUT = """\
What is in the field, what is in stock, in one system.

JSON is snake_case; times are RFC 3339, dates `YYYY-MM-DD`; 64-bit numbers are text. Paths work with and without a
trailing slash. An unknown query parameter is refused, an unknown field of a body passed over. A field of an answer is
always there, even when empty; objects and times that there are not are left out.

Lists are `{"<plural>": [...], "next_page_token": "..."}`: pass the token back as `page_token`, with the same filters,
until it is empty."""
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of `POST /auth/login`, or a device's of `POST /auth/device-token`.",
}


class AmbiguousPath(Exception):
    """Two RPCs have the same method and path."""


def document(descriptors: bytes, version: str, page: str) -> dict[str, Any]:
    """OpenAPI 3.1 of a descriptor set with source info, with the examples that the page of the API tells."""
    contract = Contract(descriptors)
    schemas = Schemas(contract)
    operations = Operations(contract, schemas)
    story = Story(page)
    paths: dict[str, dict[str, Any]] = {}
    tags: list[dict[str, Any]] = []
    for service in contract.services:
        found = [each for method in service.methods for each in operations.of(service, method)]
        for path, verb, operation in found:
            if verb in paths.setdefault(path, {}):
                raise AmbiguousPath(f"{verb} {path}: {operation['operationId']}")
            paths[path][verb] = operation
        if found:
            described = {"description": prose.text(service.comment)} if service.comment else {}
            tags.append({"name": tag(service), **described, "x-fieldstock-service": service.full_name})
    for path, verbs in paths.items():
        for verb, operation in verbs.items():
            story.tell(verb, path, operation, among=list(paths))
    return {
        "openapi": "3.1.1",
        "info": {"title": "Fieldstock", "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": {**error_schemas(), **schemas.components()},
            "responses": shared(),
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def rendered(descriptors: bytes, version: str, page: str) -> str:
    """The document as a file has it; the same for the same contracts."""
    return json.dumps(document(descriptors, version, page), indent=1, ensure_ascii=False) + "\n"
