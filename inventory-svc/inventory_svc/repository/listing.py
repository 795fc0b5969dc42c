"""Pages of devices, which cost the same however many there are: an index leads to where the page before ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from inventory_svc.models import Device, lowered

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Position = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a list is of; an empty field takes all."""

    status: str = ""
    type: str = ""
    # The location itself, or with a trailing `/*` what lies below it.
    location: str = ""
    # Prefix of the name or the serial number.
    prefix: str = ""

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return any((self.status, self.type, self.location, self.prefix))

    @property
    def searches(self) -> bool:
        """Whether it takes a range of some text, which no index has in the order of a list."""
        return bool(self.prefix) or self.location.endswith("/*")

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL; text is compared without case, in the form that the indexes have."""
        found: list[ColumnElement[bool]] = []
        if self.status:
            found.append(Device.status == self.status)
        if self.type:
            found.append(Device.type == self.type)
        if self.location:
            found.append(at(lowered(_of(Device.location)), self.location))
        if self.prefix:
            columns = (Device.name, Device.serial_number)
            found.append(or_(*(starts_with(lowered(_of(column)), self.prefix) for column in columns)))
        return found


@dataclass(frozen=True, slots=True)
class Order:
    """`by`: id, name, serial_number or updated_at."""

    by: str = "id"
    descending: bool = False

    def position(self, device: Device) -> Position:
        """Where a device stands: what a page token keeps. Times in microseconds since 1970."""
        match self.by:
            case "name":
                return device.name, device.id
            case "serial_number":
                return (device.serial_number,)
            case "updated_at":
                return (device.updated_at - EPOCH) // MICROSECOND, device.id
            case _:
                return (device.id,)

    @property
    def columns(self) -> Sequence[Any]:
        """Those that say where a device stands."""
        return [Device.id] if self.by == "id" else [Device.id, getattr(Device, self.by)]

    def page(self, of: Any, query: Select[Any], after: Position | None, limit: int) -> Select[Any]:
        """At most `limit` rows of a query, from the one behind `after`. `of`: Device, or the alias it selects from."""
        keys = self._keys(of)
        if after is not None:
            behind, here = tuple_(*keys), tuple_(*self._values(after))
            query = query.where(behind < here if self.descending else behind > here)
        return self.sort(of, query).limit(limit)

    def sort(self, of: Any, query: Select[Any]) -> Select[Any]:
        """The rows of a query in this order."""
        return query.order_by(*(key.desc() if self.descending else key.asc() for key in self._keys(of)))

    def _keys(self, of: Any) -> Sequence[ColumnElement[Any]]:
        id = _of(of.id)
        match self.by:
            case "name":
                return lowered(_of(of.name)), id
            case "serial_number":
                return (lowered(_of(of.serial_number)),)
            case "updated_at":
                return _of(of.updated_at), id
            case _:
                return (id,)

    def _values(self, after: Position) -> list[Any]:
        first, *rest = after
        match self.by:
            case "name" | "serial_number":
                return [lowered(literal(str(first))), *rest]
            case "updated_at":
                return [EPOCH + int(first) * MICROSECOND, *rest]
            case _:
                return [first]


def matching(which: DeviceFilter) -> Select[Any]:
    """The devices that a filter takes."""
    return select(Device).where(*which.conditions())


def page_of_few(which: DeviceFilter, order: Order, after: Position | None, limit: int) -> Select[Any]:
    """As `Order.page` of what a filter takes: all of that is found first, then put in order, and of the page alone more
    is read than where it stands.

    PostgreSQL takes what is found for spread evenly over any order, and would go through a million devices in that
    order for some that were registered last. It must not, when these are few.
    """
    found = matching(which).with_only_columns(*order.columns).cte("found").prefix_with("MATERIALIZED")
    some = aliased(Device, found)
    page = order.page(some, select(some.id), after, limit)
    return order.sort(Device, select(Device).where(Device.id.in_(page)))


def at(place: ColumnElement[str], location: str) -> ColumnElement[bool]:
    """A lowered column is a location itself, or with a trailing `/*` what lies below it."""
    if location.endswith("/*"):
        return starts_with(place, location[:-1])
    return place == lowered(literal(location))


def starts_with(lowered_column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Without regard to case; `%` and `_` stand for themselves."""
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return lowered_column.like(lowered(literal(f"{escaped}%")))


def _of(attribute: Any) -> ColumnElement[Any]:
    return attribute.expression
