"""Readings that cannot be stored, over REST: refused with their reason, nothing stored."""

import pytest

from servicekit.testing import eventually


@pytest.mark.parametrize(
    "metrics",
    [
        {"temperature": "NaN"},
        {"temperature": "Infinity"},
        {"temperature": "-Infinity"},
        {},
        {"Temperature!": 1},
        {"x" * 65: 1},
        {f"m{n}": n for n in range(65)},
    ],
)
async def test_a_reading_that_cannot_be_stored_is_refused(admin, ready, metrics):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": ready.id, "metrics": metrics})
    assert (no.status, no.code, no.reason) == (400, 3, "INVALID_FIELD")
    assert (await admin("GET", f"/monitoring/data/{ready.id}"))["readings"] == []


@pytest.mark.parametrize("value", ["warm", True, None, [1], {"a": 1}])
async def test_a_metric_that_is_no_number_is_refused(admin, ready, value):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": ready.id, "metrics": {"temperature": value}})
    assert no.status == 400
    assert (await admin("GET", f"/monitoring/data/{ready.id}"))["readings"] == []


@pytest.mark.parametrize(
    ("time", "reason"),
    [("2999-01-01T00:00:00Z", "TIME_IN_FUTURE"), ("1999-01-01T00:00:00Z", "TIME_TOO_OLD")],
)
async def test_a_time_out_of_bounds_is_refused(admin, ready, time, reason):
    body = {"device_id": ready.id, "metrics": {"temperature": 1}, "time": time}
    no = await admin.refused("POST", "/monitoring/data", body)
    assert (no.status, no.reason) == (400, reason)


@pytest.mark.parametrize("id", [-1, 0, 2_000_000_000])
async def test_a_reading_of_an_unknown_device_is_refused(admin, id):
    no = await admin.refused("POST", "/monitoring/data", {"device_id": id, "metrics": {"temperature": 1}})
    assert (no.status, no.reason) == (404, "UNKNOWN_DEVICE")


async def test_a_reading_of_a_device_in_stock_is_refused(admin, stocked):
    async def known():
        no = await admin.refused("POST", "/monitoring/data", {"device_id": stocked.id, "metrics": {"temperature": 1}})
        return no if no.reason != "UNKNOWN_DEVICE" else None

    no = await eventually(known)
    assert (no.status, no.code, no.reason) == (400, 9, "DEVICE_NOT_DEPLOYED")
