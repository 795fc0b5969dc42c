"""The kinds of devices that the fleet is made of, and where they are."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from fieldstock_device.simulate.signals import Character

_CPU = Character("cpu", 32.0, 12.0, 7.0, 45.0, 0.0, 100.0, 0.1, spike=98.5)
_MEMORY = Character("memory", 54.0, 4.0, 3.0, 900.0, 0.0, 100.0, 0.1, spike=96.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of device: how often there is one, what it is attached to, and what it measures."""

    type: str
    weight: int
    places: tuple[str, ...]
    models: tuple[str, ...]
    characters: tuple[Character, ...]


KINDS = (
    Kind(
        "sensor",
        11,
        ("Press", "Oven", "Lathe", "Pump", "Mixer", "Compressor"),
        ("TS-200", "TS-210"),
        (
            Character("temperature", 42.0, 6.0, 2.0, 180.0, -40.0, 125.0, 0.1, spike=92.0),
            _CPU,
            _MEMORY,
            Character("vibration", 2.2, 0.4, 0.35, 20.0, 0.0, 50.0, 0.01, spike=10.5),
        ),
    ),
    Kind(
        "controller",
        4,
        ("Robot", "Conveyor", "Oven", "Crane"),
        ("PLC-7", "PLC-9"),
        (Character("temperature", 51.0, 5.0, 1.5, 240.0, -20.0, 110.0, 0.1, spike=91.0), _CPU, _MEMORY),
    ),
    Kind(
        "gateway",
        3,
        ("Line", "Hall", "Yard"),
        ("GW-3", "GW-3X"),
        (
            Character("temperature", 47.0, 4.0, 1.0, 300.0, -20.0, 110.0, 0.1, spike=89.0),
            _CPU,
            _MEMORY,
            Character("signal_strength", -67.0, 1.0, 3.0, 60.0, -120.0, -30.0, 1.0, spike=-104.0),
        ),
    ),
    Kind(
        "camera",
        2,
        ("Dock", "Gate", "Line"),
        ("CAM-4K",),
        (Character("temperature", 39.0, 8.0, 1.5, 300.0, -20.0, 95.0, 0.1, spike=88.0), _CPU, _MEMORY),
    ),
)

WAREHOUSE = "Warehouse A"
_FACTORIES = ("Factory A", "Factory B", "Factory C")
_FLOORS = 4
_OLDEST_PURCHASE = date(2023, 1, 2)


@dataclass(frozen=True, slots=True)
class Unit:
    """One device of the fleet, as its owner would describe it."""

    index: int
    name: str
    kind: Kind
    location: str
    model: str
    firmware: str
    purchase_date: date


def unit(index: int, seed: int) -> Unit:
    """The fleet's device at `index`: with one seed always the same."""
    rng = random.Random(f"{seed} unit {index}")
    kind = rng.choices(KINDS, weights=[kind.weight for kind in KINDS])[0]
    return Unit(
        index=index,
        name=f"{rng.choice(kind.places)} {index + 1} {kind.type}",
        kind=kind,
        location=f"{rng.choice(_FACTORIES)}/Floor {rng.randint(1, _FLOORS)}",
        model=rng.choice(kind.models),
        firmware=f"{rng.randint(1, 3)}.{rng.randint(0, 9)}.{rng.randint(0, 20)}",
        purchase_date=_OLDEST_PURCHASE + timedelta(days=rng.randrange(900)),
    )


# As the API takes them. Each is crossed by a spike of its metric, and by nothing else.
RULES: tuple[dict[str, object], ...] = (
    {
        "name": "Overheating",
        "kind": "threshold",
        "severity": "critical",
        "enabled": True,
        "threshold": {"metric": "temperature", "direction": "above", "limit": 85, "clear_limit": 80},
    },
    {
        "name": "CPU saturated",
        "kind": "threshold",
        "severity": "warning",
        "enabled": True,
        "threshold": {"metric": "cpu", "direction": "above", "limit": 95, "clear_limit": 85, "for_seconds": 10},
    },
    {
        "name": "Memory nearly full",
        "kind": "threshold",
        "severity": "info",
        "enabled": True,
        "threshold": {"metric": "memory", "direction": "above", "limit": 90, "clear_limit": 85, "for_seconds": 15},
    },
    {
        "name": "Strong vibration",
        "kind": "threshold",
        "severity": "warning",
        "enabled": True,
        "device_type": "sensor",
        "threshold": {"metric": "vibration", "direction": "above", "limit": 7.1, "clear_limit": 4.5},
    },
)
