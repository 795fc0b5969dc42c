"""RPCs as operations: where google.api.http puts them, and what Envoy's transcoder takes from path, query and body."""

import re
from collections.abc import Iterator
from typing import Any

from openapi import prose
from openapi.contract import Contract, Field, Message, Method, Service
from openapi.examples import example
from openapi.responses import FILE, PAGED, responses
from openapi.schemas import Schemas, input_name, said

_VARIABLE = re.compile(r"\{(?P<name>[^=}]+)(?:=[^}]*)?\}")


class UnspeakablePath(Exception):
    """OpenAPI has no word for a wildcard without a name, so no path may have one."""


class Operations:
    """Makes the operations of a contract; their messages go to `schemas`."""

    def __init__(self, contract: Contract, schemas: Schemas) -> None:
        self._messages = contract.messages
        self._schemas = schemas

    def of(self, service: Service, method: Method) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each (path, HTTP method, operation) of an RPC."""
        if method.http is None:
            return
        for number, rule in enumerate((method.http, *method.http.additional_bindings), 1):
            pattern = rule.WhichOneof("pattern")
            verb, path = (pattern, getattr(rule, pattern))
            if pattern == "custom":
                verb, path = rule.custom.kind.lower(), rule.custom.path
            bound = [match["name"] for match in _VARIABLE.finditer(path)]
            template = _VARIABLE.sub(r"{\g<name>}", path)
            if "*" in template:
                raise UnspeakablePath(path)
            identity = f"{service.name}_{method.name}" + (f"_{number}" if number > 1 else "")
            yield template, verb, self._operation(service, method, rule, verb, bound, identity)

    def _operation(
        self, service: Service, method: Method, rule: Any, verb: str, bound: list[str], identity: str
    ) -> dict[str, Any]:
        summary, description = prose.described(method.comment)
        operation: dict[str, Any] = {
            "tags": [tag(service)],
            "operationId": identity,
            "summary": summary or _spaced(method.name).capitalize(),
            **({"description": description} if description else {}),
            "x-fieldstock-rpc": f"{service.full_name}/{method.name}",
            "x-fieldstock-access": access(method),
            "security": [] if method.anyone else [{"bearer": []}],
        }
        request = self._messages[method.request]
        parameters = [self._in_path(request, name) for name in bound]
        if rule.body != "*":
            parameters += self._in_query(request, {*bound, rule.body})
        if parameters:
            operation["parameters"] = parameters
        if rule.body:
            operation["requestBody"] = self._body(request, rule.body, bound)
        named = prose.failures(service, method, request, verb=verb)
        if any(field.name == "page_token" for field in request.fields):
            named += PAGED
        operation["responses"] = responses(method, self._answer(method, rule), named, body=bool(rule.body))
        return operation

    def _answer(self, method: Method, rule: Any) -> dict[str, Any]:
        if method.response == FILE:
            return {}
        if rule.response_body:
            field = self._messages[method.response].field(rule.response_body)
            return self._schemas.field(field, taken=False)
        return self._schemas.message(method.response, taken=False)

    def _in_path(self, request: Message, name: str) -> dict[str, Any]:
        *_, field = self._along(request, name)
        return {"name": name, "in": "path", "required": True, **self._parameter(field)}

    def _along(self, message: Message, path: str) -> Iterator[Field]:
        for name in path.split("."):
            field = message.field(name)
            yield field
            if field.kind == "message" and field.of in self._messages:
                message = self._messages[field.of]

    def _in_query(self, request: Message, taken: set[str]) -> Iterator[dict[str, Any]]:
        """A parameter for each field that path and body leave; those of a message inside it with a dot."""

        def walk(message: Message, prefix: str, above: tuple[str, ...]) -> Iterator[dict[str, Any]]:
            for field in message.fields:
                name = prefix + input_name(field)
                if prefix + field.name in taken:
                    continue
                if self._schemas.is_plain(field):
                    required = {"required": True} if field.required else {}
                    many = {"style": "form", "explode": True} if field.repeated else {}
                    yield {"name": name, "in": "query", **required, **many, **self._parameter(field)}
                elif self._schemas.is_nested(field) and field.of not in above:
                    yield from walk(self._messages[field.of], f"{name}.", (*above, field.of))

        return walk(request, "", (request.full_name,))

    def _parameter(self, field: Field) -> dict[str, Any]:
        schema = self._schemas.value(field, taken=True)
        if field.repeated:
            schema = {"type": "array", "items": schema}
        comment = said(field, taken=True)
        value = example(field.name, schema, field.comment)
        return {
            **({"description": comment} if comment else {}),
            "schema": schema,
            **({} if value is None else {"example": value}),
        }

    def _body(self, request: Message, body: str, bound: list[str]) -> dict[str, Any]:
        if body != "*":
            field = request.field(body)
            comment = said(field, taken=True)
            described = {"description": comment} if comment else {}
            if field.of == FILE:
                return {**described, "required": field.required, "content": {"*/*": {"schema": {}}}}
            schema = self._schemas.field(field, taken=True)
            schema.pop("description", None)
            return {**described, "required": field.required, "content": {"application/json": {"schema": schema}}}
        if request.full_name == FILE:
            return {"required": True, "content": {"*/*": {"schema": {}}}}
        fields = tuple(field for field in request.fields if field.name not in bound)
        schema = {"title": request.name, **self._schemas.object(request, fields, taken=True)}
        required = any(field.required for field in fields)
        return {"required": required, "content": {"application/json": {"schema": schema}}}


def access(method: Method) -> dict[str, Any]:
    """The access option; with no roles and no principals the method is closed to all."""
    if method.anyone:
        return {"anyone": True}
    return {"roles": list(method.roles), "principals": list(method.principals)}


def tag(service: Service) -> str:
    """DeviceTokenService → Device token."""
    return _spaced(service.name.removesuffix("Service")).capitalize()


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
