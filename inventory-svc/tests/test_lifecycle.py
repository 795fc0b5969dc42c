"""The lifecycle as the seed draws it: pure rules."""

from datetime import UTC, date, datetime

import pytest

from inventory_svc.errors import InvalidTransition
from inventory_svc.models import Change, Device, Status

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

ALLOWED = {
    ("in_stock", "reserved"),
    ("in_stock", "deployed"),
    ("in_stock", "maintenance"),
    ("in_stock", "retired"),
    ("reserved", "deployed"),
    ("reserved", "in_stock"),
    ("reserved", "maintenance"),
    ("reserved", "retired"),
    ("deployed", "in_stock"),
    ("deployed", "maintenance"),
    ("deployed", "retired"),
    ("maintenance", "in_stock"),
    ("maintenance", "deployed"),
    ("maintenance", "retired"),
}
ACTIONS = {
    "deployed": lambda device: device.deploy("Factory A", NOW),
    "in_stock": lambda device: device.recall("Warehouse B", NOW),
    "maintenance": lambda device: device.maintain("Workshop", NOW),
    "retired": lambda device: device.retire(NOW),
}


def device(status: str) -> Device:
    return Device(id=7, status=status, location="Warehouse A", version=3, deploy_date=date(2026, 1, 2))


@pytest.mark.parametrize("old", [*Status])
@pytest.mark.parametrize("new", [*ACTIONS])
def test_an_action_leads_where_the_lifecycle_allows_and_nowhere_else(old: str, new: str) -> None:
    it = device(old)
    if (old, new) in ALLOWED:
        assert ACTIONS[new](it).old_status == old
        assert (it.status, it.version, it.updated_at) == (new, 4, NOW)
    else:
        with pytest.raises(InvalidTransition, match=f"Device 7 is {old}; it cannot become {new}"):
            ACTIONS[new](it)
        assert (it.status, it.version, it.location) == (old, 3, "Warehouse A")


def test_a_deployment_sets_place_and_date() -> None:
    it = device("in_stock")
    assert it.deploy("Factory A", NOW) == Change("deployed", Status.IN_STOCK, Status.DEPLOYED)
    assert (it.location, it.deploy_date) == ("Factory A", NOW.date())


def test_a_recall_keeps_the_date_of_the_deployment() -> None:
    it = device("deployed")
    it.recall("Warehouse B", NOW)
    assert (it.location, it.deploy_date) == ("Warehouse B", date(2026, 1, 2))


@pytest.mark.parametrize(
    ("old", "action"), [("deployed", "recalled"), ("reserved", "released"), ("maintenance", "repaired")]
)
def test_coming_back_to_stock_is_logged_by_where_from(old: str, action: str) -> None:
    assert device(old).recall("Warehouse B", NOW).action == action


def test_maintenance_sets_its_date_and_may_leave_the_location() -> None:
    it = device("deployed")
    it.maintain("", NOW)
    assert (it.location, it.last_maintenance) == ("Warehouse A", NOW.date())
