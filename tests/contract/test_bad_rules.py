"""Rules that make no sense, through Envoy."""

import pytest


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "sorcery"}, "kind"),
        ({"severity": "terrible"}, "severity"),
        ({"name": ""}, "name"),
        ({"threshold": {"metric": "Temp!", "direction": "above", "limit": 1}}, "threshold.metric"),
        ({"threshold": {"metric": "temperature", "direction": "sideways", "limit": 1}}, "threshold.direction"),
        ({"threshold": {"metric": "temperature", "direction": "above", "limit": "NaN"}}, "threshold.limit"),
        (
            {"threshold": {"metric": "temperature", "direction": "above", "limit": 1, "clear_limit": 2}},
            "threshold.clear_limit",
        ),
        ({"threshold": None}, "threshold.metric"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(admin, change, field):
    rule = {
        "name": "Too hot",
        "kind": "threshold",
        "severity": "warning",
        "threshold": {"metric": "temperature", "direction": "above", "limit": 85},
    }
    no = await admin.refused("POST", "/monitoring/rules", {**rule, **change})
    assert (no.status, no.reason) == (400, "INVALID_FIELD")
    assert field in no.fields
