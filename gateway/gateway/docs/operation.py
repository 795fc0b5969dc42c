"""One operation of the API as HTML."""

from html import escape
from typing import Any

from gateway.docs.prose import blocks, inline
from gateway.docs.samples import Samples, Schema

_FORMATS = {"date-time": "time", "int64": "integer as text", "uint64": "integer as text"}


class Shown:
    """Shows the operations and schemas of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._responses = document["components"].get("responses", {})
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self._samples = Samples(self.schemas)

    def operation(self, verb: str, path: str, operation: dict[str, Any]) -> str:
        """Closed, one line: what it does and who may; open, all of it."""
        name = escape(operation["operationId"])
        words = escape(f"{verb} {path} {operation['summary']} {name} {who(operation)}".lower(), quote=True)
        return f"""
<details class="operation" id="{name}" data-words="{words}">
<summary>{method(verb)}<code class="path">{breakable(path)}</code>
<span class="what">{inline(operation["summary"])}</span><span class="who">{escape(who(operation))}</span></summary>
<div class="all">{blocks(operation.get("description", ""))}{self._parameters(operation)}{self._body(operation)}
<h4>Example</h4><pre class="curl"><code>{escape(self._samples.curl(verb, path, operation))}</code></pre>
{self._answers(operation)}
<p class="fine">gRPC: <code>{escape(operation["x-fieldstock-rpc"])}</code></p></div>
</details>"""

    def schema(self, name: str) -> str:
        """An object that operations speak of, by name."""
        schema = self.schemas[name]
        return f"""
<section class="object" id="object-{escape(name)}"><h3>{escape(name)}</h3>
{blocks(schema.get("description", ""))}{self._fields(schema, taken=name.endswith("Input"))}</section>"""

    def _parameters(self, operation: dict[str, Any]) -> str:
        rows = [
            self._row(each["name"], each, f"in the {each['in']}", required=each.get("required", False))
            for each in operation.get("parameters", [])
        ]
        return f"<h4>Parameters</h4>{table(rows)}" if rows else ""

    def _body(self, operation: dict[str, Any]) -> str:
        body = operation.get("requestBody")
        if not body:
            return ""
        content, described = next(iter(body["content"].items()))
        schema = described["schema"]
        named = "" if "title" in schema or content != "application/json" else f" <small>{self._type(schema)}</small>"
        fields = (
            self._fields(self._found(schema), taken=True)
            if content == "application/json"
            else "<p>A file, as it is.</p>"
        )
        return f"<h4>Body{named}</h4>{blocks(body.get('description', ''))}{fields}"

    def _answers(self, operation: dict[str, Any]) -> str:
        shown, failed = "", []
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = self._responses[response["$ref"].rpartition("/")[2]]
            if status == "200":
                content, described = next(iter(response["content"].items()))
                plain = content != "application/json"
                kind = "a file" if plain else self._type(described["schema"])
                fields = "" if plain else self._fields(self._found(described["schema"]), taken=False)
                shown = f"<h4>Answer <small>200 · {kind}</small></h4>{fields}"
            failed += [
                f"<tr><td>{status}</td><td><code>{escape(each['reason'])}</code></td>"
                f"<td>{inline(each.get('when', ''))}</td></tr>"
                for each in response.get("x-fieldstock-reasons", [])
            ]
        head = "<thead><tr><th>Status</th><th>Reason</th><th>When</th></tr></thead>"
        return f"""{shown}<h4>Failures</h4>
<div class="wide"><table class="failures">{head}<tbody>{"".join(failed)}</tbody></table></div>"""

    def _fields(self, schema: Schema, *, taken: bool) -> str:
        """A table of an object's fields: of a body it says which must be there, of an answer which may not be."""
        rows = []
        for name, each in schema.get("properties", {}).items():
            required = name in schema.get("required", [])
            note = "" if taken or required else "may be absent"
            rows.append(self._row(name, each, note, required=taken and required))
        return table(rows) if rows else "<p>An empty object.</p>"

    def _row(self, name: str, described: dict[str, Any], note: str, *, required: bool) -> str:
        """A parameter, or a field, which is its own schema."""
        must = '<abbr title="required">*</abbr>' if required else ""
        kind = self._type(described.get("schema", described)) + (f" <small>{escape(note)}</small>" if note else "")
        said = blocks(described.get("description", ""))
        return f"<tr><td><code>{escape(name)}</code>{must}</td><td>{kind}</td><td>{said}</td></tr>"

    def _found(self, schema: Schema) -> Schema:
        """The object behind a reference, or behind a list of them."""
        while "$ref" in schema or schema.get("type") == "array":
            schema = schema["items"] if "items" in schema else self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            name = escape(schema["$ref"].rpartition("/")[2])
            return f'<a href="#object-{name}">{name}</a>'
        if schema.get("type") == "array":
            return f"{self._type(schema['items'])}[]"
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            return f"object of {self._type(inner)}"
        return escape(_FORMATS.get(schema.get("format", ""), str(schema.get("type", "anything"))))


def who(operation: dict[str, Any]) -> str:
    """Who may call it: "viewer and above, device"."""
    access = operation["x-fieldstock-access"]
    if access.get("anyone"):
        return "anyone"
    roles = access["roles"]
    people = [f"{roles[0]} and above" if len(roles) > 1 else roles[0]] if roles else []
    return ", ".join([*people, *access["principals"]]) or "nobody"


def method(verb: str) -> str:
    return f'<b class="method {escape(verb)}">{escape(verb.upper())}</b>'


def breakable(path: str) -> str:
    """A path that a narrow page may break before its slashes."""
    return escape(path).replace("/", "<wbr>/")


def table(rows: list[str]) -> str:
    return f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'
