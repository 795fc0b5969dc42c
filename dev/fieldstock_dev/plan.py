"""Which parts a stack has, and in which order they come."""

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter

from fieldstock_dev.errors import UnknownPart
from fieldstock_dev.layout import Layout
from fieldstock_dev.part import Part
from fieldstock_dev.servers.envoy import Envoy
from fieldstock_dev.servers.mongodb import mongodb
from fieldstock_dev.servers.postgres import postgres
from fieldstock_dev.servers.rabbitmq import rabbitmq
from fieldstock_dev.services import services

EVERYTHING = ("postgres", "mongodb", "rabbitmq", "auth", "inventory", "telemetry", "gateway", "envoy")
WITH_DEVICES = (*EVERYTHING, "simulator")


def parts_of(layout: Layout) -> dict[str, Part]:
    """Every part there could be, by name."""
    parts = [postgres(layout), mongodb(layout), *rabbitmq(layout), *services(layout), Envoy(layout)]
    return {part.name: part for part in parts}


def with_needs(parts: Mapping[str, Part], names: Iterable[str]) -> list[Part]:
    """These parts and all that they need, each after what it needs. Fails with UnknownPart."""
    graph: dict[str, tuple[str, ...]] = {}
    remaining = list(names)
    while remaining:
        name = remaining.pop()
        if name not in parts:
            raise UnknownPart(part=name, known=", ".join(parts))
        if name not in graph:
            # A broker that was given brings no port mapper along.
            graph[name] = tuple(need for need in parts[name].needs if need in parts)
            remaining += graph[name]
    return [parts[name] for name in TopologicalSorter(graph).static_order()]
