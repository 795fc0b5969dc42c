"""Documents of alerts and rules, and presence, as protobuf: for events and for answers."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from fieldstock.telemetry.v1 import alert_pb2, events_pb2, rule_pb2
from telemetry_svc.clock import moment
from telemetry_svc.store import Document


def alert_to_proto(document: Document) -> alert_pb2.Alert:
    """An alert of its document."""
    return alert_pb2.Alert(
        id=document["_id"],
        device_id=document["device_id"],
        device_name=document["device_name"],
        rule_id=document["rule_id"],
        kind=document["kind"],
        metric=document["metric"],
        severity=document["severity"],
        message=document["message"],
        value=document["value"],
        state="active" if document["resolved_at"] is None else "resolved",
        acknowledged=document["acknowledged_at"] is not None,
        opened_at=_timestamp(document["opened_at"]),
        acknowledged_at=_timestamp(document["acknowledged_at"]),
        acknowledged_by=document["acknowledged_by"],
        resolved_at=_timestamp(document["resolved_at"]),
        resolved_because=document["resolved_because"],
        version=document["version"],
        # Of alerts that an older version stored, these are not known.
        acknowledged_note=document.get("acknowledged_note", ""),
        resolved_note=document.get("resolved_note", ""),
        resolved_by=document.get("resolved_by", ""),
    )


def rule_to_proto(document: Document) -> rule_pb2.Rule:
    """A rule of its document."""
    return rule_pb2.Rule(
        id=document["_id"],
        name=document["name"],
        kind=document["kind"],
        severity=document["severity"],
        enabled=document["enabled"],
        device_type=document["device_type"],
        device_id=document["device_id"],
        threshold=rule_pb2.Threshold(**document["threshold"]) if document["threshold"] else None,
        abnormal=rule_pb2.Abnormal(**document["abnormal"]) if document.get("abnormal") else None,
        version=document["version"],
        created_at=_timestamp(document["created_at"]),
        updated_at=_timestamp(document["updated_at"]),
    )


def alert_changed(_key: str, document: Document) -> bytes:
    """The event of an alert as it was after a change."""
    return events_pb2.AlertChanged(alert=alert_to_proto(document)).SerializeToString()


def rule_changed(_key: str, document: Document) -> bytes:
    """The event of a rule as it was after a change."""
    return events_pb2.RuleChanged(rule=rule_to_proto(document), deleted=document["deleted"]).SerializeToString()


def presence_changed(device_id: int, online: bool, last_seen_ms: int, at_ms: int) -> events_pb2.PresenceChanged:
    """The event of a device that came or went; `last_seen_ms` 0: never heard of."""
    last_seen = _timestamp(moment(last_seen_ms)) if last_seen_ms else None
    return events_pb2.PresenceChanged(device_id=device_id, online=online, last_seen=last_seen, version=at_ms)


def _timestamp(when: datetime | None) -> Timestamp | None:
    if when is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(when)
    return timestamp
