"""Examples: a value of a schema, and a call that has one in its body."""

import json
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

# Where the page is read from: the script puts the true one in.
HOST = "http://localhost:8080"
# The server's to give, or nobody's need.
_LEFT_OUT = {"id", "version", "notes", "clear"}
_FEW = 3
_LONG_LINE = 60
_BY_TYPE: dict[str, Any] = {"string": "…", "integer": 1, "number": 1.5, "boolean": True}

Schema = dict[str, Any]


class Samples:
    """Makes examples out of the schemas of a document."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self._schemas = schemas

    def value(self, schema: Schema) -> Any:
        """One value that fits; of an object what it must have."""
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]])
        if schema.get("examples"):
            return schema["examples"][0]
        match schema.get("type"):
            case "object":
                return {name: self.value(each) for name, each in self._telling(schema)}
            case "array":
                return [self.value(schema["items"])]
            case kind:
                return schema["enum"][0] if "enum" in schema else _BY_TYPE.get(str(kind), {})

    def _telling(self, schema: Schema) -> Iterator[tuple[str, Schema]]:
        """What an object must have, and its numbers, whose absence is a 0; or else a few fields that tell about it."""
        properties, required = schema.get("properties", {}), schema.get("required", [])
        told = [name for name, each in properties.items() if each.get("examples") and name not in _LEFT_OUT]
        if required:
            shown = [*required, *(name for name in told if properties[name].get("type") in {"integer", "number"})]
        else:
            nested = [name for name, each in properties.items() if "$ref" in each]
            rest = [name for name in properties if name not in _LEFT_OUT]
            shown = [*told[:_FEW], *nested[:1]] or rest[:_FEW]
        yield from ((name, properties[name]) for name in dict.fromkeys(shown))

    def curl(self, verb: str, path: str, operation: dict[str, Any]) -> str:
        """The call as a line of a shell."""
        query = []
        for parameter in operation.get("parameters", []):
            value = parameter.get("example", self.value(parameter["schema"]))
            value = value[0] if isinstance(value, list) else value
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(str(value), safe="…"))
            elif parameter.get("required"):
                query.append(f"{parameter['name']}={quote(str(value))}")
        url = HOST + path + ("?" + "&".join(query) if query else "")
        parts = ["curl" + ("" if verb == "get" else f" -X {verb.upper()}") + f" {shlex.quote(url)}"]
        if operation["security"]:
            parts.append('-H "authorization: Bearer $TOKEN"')
        if body := operation.get("requestBody"):
            content, described = next(iter(body["content"].items()))
            if content == "application/json":
                value = described.get("example", self.value(described["schema"]))
                sample = json.dumps(value, ensure_ascii=False)
                if len(sample) > _LONG_LINE:
                    sample = json.dumps(value, ensure_ascii=False, indent=2)
                parts += ["-H 'content-type: application/json'", f"-d {shlex.quote(sample)}"]
            else:
                parts.append("--data-binary @file")
        return " \\\n  ".join(parts)
