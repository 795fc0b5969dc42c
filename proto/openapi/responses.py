"""The answers of an RPC over HTTP: the one that succeeds, and the failures, by status."""

from functools import cache
from typing import Any

from openapi.contract import Method
from openapi.prose import Failure
from openapi.schemas import ERROR

# Files travel as they are, in this message of Google's.
FILE = "google.api.HttpBody"
_TITLES = {
    400: "Not acceptable", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 409: "In conflict",
    413: "Too large", 429: "Too many requests", 499: "Cancelled", 500: "A failure of the server",
    501: "Not implemented", 503: "Not available right now", 504: "Not in time",
}  # fmt: skip
# Every list has pages, and refuses these whether its comment says so or not.
PAGED = [
    Failure("INVALID_ARGUMENT", "INVALID_FIELD", "negative page size"),
    Failure("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN", "not a token of ours, or made with other filters"),
]


def common(method: Method, *, body: bool) -> list[Failure]:
    """Failures that the door and every service share, so that no comment names them."""
    malformed = "no JSON, a wrong type" if body else "a wrong type"
    found = [Failure("INVALID_ARGUMENT", "INVALID_REQUEST", f"{malformed}, or an unknown query parameter")]
    if not method.anyone:
        found += [
            Failure("UNAUTHENTICATED", "UNAUTHENTICATED", "no token, or one that is not good any more"),
            Failure("PERMISSION_DENIED", "PERMISSION_DENIED", "this caller may not do this"),
        ]
    if "device" in method.principals:
        found.append(Failure("PERMISSION_DENIED", "NOT_OWN_DEVICE", "a device reaches its own data alone"))
    return [
        *found,
        Failure("INTERNAL", "INTERNAL", "mention the request id in the message"),
        Failure("UNAVAILABLE", "UNAVAILABLE", "the service is away; try again"),
        Failure("UNAVAILABLE", "DATABASE_UNAVAILABLE", "its database is away; try again"),
        *([] if method.anyone else [Failure("UNAVAILABLE", "KEYS_UNAVAILABLE", "no token can be verified; try again")]),
        Failure("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "given up; it may have happened all the same"),
    ]


def responses(method: Method, success: dict[str, Any], failures: list[Failure], *, body: bool) -> dict[str, Any]:
    """`success`: the schema of what is answered. `failures`: those that the contract names."""
    answer: dict[str, Any] = {"description": "Done"}
    if method.response == FILE:
        answer["content"] = {"*/*": {"schema": {}}}
    else:
        listed = {"type": "array", "items": success} if method.server_streaming else success
        answer["content"] = {"application/json": {"schema": listed}}
    failed = _failed([*failures, *common(method, body=body)], body=body)
    return {
        "200": answer,
        **{
            str(status): {"$ref": f"#/components/responses/{_name(status)}"} if each == _shared().get(status) else each
            for status, each in failed.items()
        },
    }


def shared() -> dict[str, Any]:
    """The failures that most operations have, by name."""
    return {_name(status): each for status, each in _shared().items()}


def _name(status: int) -> str:
    return "".join(word.capitalize() for word in _TITLES[status].split())


@cache
def _shared() -> dict[int, dict[str, Any]]:
    usual = Method("", "", "", False, None, False, (), (), "")
    failed = _failed(common(usual, body=True), body=True)
    return {status: response for status, response in failed.items() if status != 400}


def _failed(failures: list[Failure], *, body: bool) -> dict[int, dict[str, Any]]:
    """A response for each status, in their order."""
    by_status: dict[int, dict[str, dict[str, str]]] = {}
    for each in failures:
        reason = {"reason": each.reason, "code": each.code, **({"when": each.when} if each.when else {})}
        by_status.setdefault(each.status, {}).setdefault(each.reason, reason)
    if body:
        # The door's own status: no gRPC code becomes it.
        large = {"reason": "BODY_TOO_LARGE", "code": "RESOURCE_EXHAUSTED", "when": "the body is larger than the limit"}
        by_status[413] = {large["reason"]: large}
    return {status: _failure(status, list(by_status[status].values())) for status in sorted(by_status)}


def _failure(status: int, reasons: list[dict[str, str]]) -> dict[str, Any]:
    lines = [f"- `{each['reason']}`" + (f": {each['when']}" if "when" in each else "") for each in reasons]
    return {
        "description": "\n".join([_TITLES.get(status, "Failed"), "", *lines]),
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{ERROR}"}}},
        "x-fieldstock-reasons": reasons,
    }
