"""One action for many devices, as ActOnDevices asks for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from inventory_svc.devices import Devices
from inventory_svc.models import Device
from inventory_svc.servicers.requests import LONGEST_LOCATION, LONGEST_NAME, LONGEST_NOTES, filter_of, moment_of
from servicekit.access import Caller, Role
from servicekit.errors import InvalidField, PermissionDenied
from servicekit.fields import Fields

MOST_DEVICES = 1_000

Action = Callable[[int], Awaitable[Device]]


@dataclass(frozen=True, slots=True)
class Takes:
    """What an action needs, and what it takes besides."""

    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


ACTIONS = {
    "deploy": Takes(frozenset({"location"}), frozenset({"reserved_for", "override"})),
    "recall": Takes(frozenset({"location"})),
    "maintenance": Takes(may=frozenset({"location"})),
    "reserve": Takes(frozenset({"reserved_for"}), frozenset({"until"})),
    "relocate": Takes(frozenset({"location"})),
    "retire": Takes(),
}


def action_of(request: Any, devices: Devices, by: Caller) -> Action:
    """What is to be done to each. Raises InvalidFields, PermissionDenied."""
    if request.action not in ACTIONS:
        raise InvalidField("action", f"must be {' or '.join(ACTIONS)}")
    if request.action == "retire" and (by.role is None or by.role < Role.ADMIN):
        raise PermissionDenied(who="A caller who is no admin", method="ActOnDevices to retire")
    fields = Fields()
    location = fields.text("location", request.location, longest=LONGEST_LOCATION)
    reserved_for = fields.text("reserved_for", request.reserved_for, longest=LONGEST_NAME)
    notes = fields.prose("notes", request.notes, longest=LONGEST_NOTES)
    until = moment_of(fields, "until", request)
    takes = ACTIONS[request.action]
    given = {"location": location, "reserved_for": reserved_for, "until": until, "override": request.override}
    for name, value in given.items():
        if name in takes.needs and not value:
            fields.refuse(name, "is required")
        elif value and name not in takes.needs | takes.may:
            fields.refuse(name, f"is nothing that {request.action} takes")
    fields.check()

    async def act(id: int) -> Device:
        match request.action:
            case "deploy":
                return await devices.deploy(
                    id, location, by=by, notes=notes, reserved_for=reserved_for, override=request.override
                )
            case "recall":
                return await devices.recall(id, location, by=by, notes=notes)
            case "maintenance":
                return await devices.maintain(id, location, by=by, notes=notes)
            case "reserve":
                return await devices.reserve(id, reserved_for, until, by=by, notes=notes)
            case "relocate":
                return await devices.relocate(id, location, by=by, notes=notes)
            case _:
                return await devices.retire(id, by=by, notes=notes)

    return act


async def ids_of(request: Any, devices: Devices) -> list[int]:
    """Which devices: those named, or those that the filter takes. Raises InvalidField."""
    if request.HasField("filter") == bool(request.ids):
        raise InvalidField("ids", "must be given, or else a filter: one of both")
    if request.ids:
        if len(request.ids) > MOST_DEVICES:
            raise InvalidField("ids", f"must not be more than {MOST_DEVICES:,}")
        return list(request.ids)
    which = filter_of(request.filter, request.filter.status, within="filter.")
    if not which:
        raise InvalidField("filter", "must say which devices")
    ids = await devices.ids(which, limit=MOST_DEVICES + 1)
    if len(ids) > MOST_DEVICES:
        raise InvalidField("filter", f"takes more than {MOST_DEVICES:,} devices")
    return list(ids)
