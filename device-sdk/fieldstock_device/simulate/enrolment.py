"""Brings the fleet to where it can send from: registered, and deployed once."""

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from fieldstock_device.simulate.admin import Admin, Refused
from fieldstock_device.simulate.catalogue import RULES, WAREHOUSE, Unit
from fieldstock_device.simulate.fleet_file import Enrolled, FleetFile

_log = logging.getLogger("fieldstock.simulate")

_AT_ONCE = 20

Result = TypeVar("Result")


async def enrol(admin: Admin, file: FleetFile, units: Sequence[Unit]) -> None:
    """Registers the units that are not yet, and deploys those that never were. Raises Refused.

    A device that somebody recalled, sent to maintenance or retired stays where it is: to bring it back is not the
    simulator's to decide.
    """
    known = {device["id"]: device async for device in admin.pages("/devices/", "devices", q=file.prefix)}
    lost = [device.index for device in file.devices.values() if device.id not in known]
    for index in lost:
        # Another server, or one that was reset: what is remembered of it is worth nothing here.
        del file.devices[index]
    if lost:
        _log.warning("%d devices are not on this server any more", len(lost))
    new = [unit for unit in units if unit.index not in file.devices]
    if new:
        _log.info("registering %d devices", len(new))
    for start in range(0, len(new), _AT_ONCE):
        try:
            registered = await _all(_register(admin, file, unit) for unit in new[start : start + _AT_ONCE])
        finally:
            # A secret is told once: one that is not written down is lost, and its device with it.
            file.save()
        known.update((device["id"], device) for device in registered)
    await _deploy_new(admin, file, units, known)


async def make_rules(admin: Admin, file: FleetFile) -> None:
    """Creates the fleet's threshold rules, once: an operator who deletes them need not do so again. Raises Refused."""
    if file.made_rules:
        return
    names = {rule["name"] for rule in RULES}
    there = [rule async for rule in admin.pages("/monitoring/rules", "rules") if rule["name"] in names]
    if not there:
        for rule in RULES:
            await admin.call("POST", "/monitoring/rules", rule)
        _log.info("created %d threshold rules", len(RULES))
    file.made_rules = True
    file.save()


async def _register(admin: Admin, file: FleetFile, unit: Unit) -> dict[str, Any]:
    for attempt in itertools.count():
        serial_number = file.serial_number(unit.index) + (f"-{attempt}" if attempt else "")
        try:
            answer = await admin.call(
                "POST",
                "/devices/",
                {
                    "name": unit.name,
                    "type": unit.kind.type,
                    "serial_number": serial_number,
                    "location": WAREHOUSE,
                    "specs": {"model": unit.model, "firmware": unit.firmware},
                    "purchase_date": unit.purchase_date.isoformat(),
                },
            )
        except Refused as refusal:
            if refusal.reason != "SERIAL_NUMBER_TAKEN":
                raise
            # Registered by a request whose answer was lost, and the secret with it.
            continue
        device: dict[str, Any] = answer["device"]
        file.devices[unit.index] = Enrolled(unit.index, device["id"], serial_number, answer["credential"]["secret"])
        return device
    raise AssertionError("counting ends nowhere")


async def _deploy_new(admin: Admin, file: FleetFile, units: Sequence[Unit], known: dict[int, dict[str, Any]]) -> None:
    """Deploys the fleet's devices that never were in the field: a recall leaves the date of their deployment."""
    fresh: list[tuple[int, str]] = []
    for unit in units:
        device = known[file.devices[unit.index].id]
        if device["status"] == "in_stock" and not device.get("deploy_date"):
            fresh.append((device["id"], unit.location))
    if fresh:
        _log.info("deploying %d devices", len(fresh))
    for start in range(0, len(fresh), _AT_ONCE):
        await _all(_deploy(admin, device_id, location) for device_id, location in fresh[start : start + _AT_ONCE])


async def _deploy(admin: Admin, device_id: int, location: str) -> None:
    try:
        await admin.call("PUT", f"/devices/{device_id}/deploy", {"location": location, "status": "deployed"})
    except Refused as refusal:
        if refusal.reason != "INVALID_TRANSITION":
            raise
        # Deployed by a request whose answer was lost, or moved elsewhere by somebody just now.
        _log.info("device %d was not deployed: %s", device_id, refusal)


async def _all(calls: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """All results, or the first failure once every call has ended: what the others were told is not to be lost."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    good: list[Result] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        good.append(result)
    return good
