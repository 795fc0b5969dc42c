"""fieldstock.telemetry.v1.RuleService: read, call, render."""

import math
from typing import Any

from google.protobuf import empty_pb2

from fieldstock.telemetry.v1 import rule_pb2, rule_service_pb2, rule_service_pb2_grpc
from servicekit.fields import Fields
from servicekit.paging import TEXT, read_page
from telemetry_svc.events import rule_to_proto
from telemetry_svc.ingest.intake import METRIC
from telemetry_svc.store import Document
from telemetry_svc.watch.rulebook import Rulebook
from telemetry_svc.watch.rules import Direction, Kind, Severity

LONGEST_NAME, LONGEST_TYPE = 100, 50
LONGEST_WAIT_SECONDS = 24 * 60 * 60
Z_SCORES, LARGEST_ALPHA, WARM_UPS = (2, 20), 0.5, (10, 10_000)
Z_SCORE, ALPHA, WARM_UP = 4.0, 0.05, 60


class RuleServicer(rule_service_pb2_grpc.RuleServiceServicer):
    """The alert rules."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    async def ListRules(self, request: Any, context: Any) -> rule_service_pb2.ListRulesResponse:
        page = read_page(request, TEXT)
        rules, more = await self._rulebook.page(page.size, str(page.after[0]) if page.after else None)
        return rule_service_pb2.ListRulesResponse(
            rules=[rule_to_proto(rule) for rule in rules],
            next_page_token=page.token([rules[-1]["_id"]]) if more else "",
        )

    async def GetRule(self, request: Any, context: Any) -> rule_pb2.Rule:
        return rule_to_proto(await self._rulebook.get(request.id))

    async def CreateRule(self, request: Any, context: Any) -> rule_pb2.Rule:
        return rule_to_proto(await self._rulebook.create(_fields(request.rule)))

    async def UpdateRule(self, request: Any, context: Any) -> rule_pb2.Rule:
        fields = _fields(request.rule)
        return rule_to_proto(await self._rulebook.replace(request.id, fields, request.rule.version))

    async def DeleteRule(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._rulebook.delete(request.id)
        return empty_pb2.Empty()


def _fields(rule: rule_pb2.Rule) -> Document:
    fields = Fields()
    values: Document = {
        "name": fields.text("name", rule.name, longest=LONGEST_NAME, required=True),
        "kind": fields.one_of("kind", rule.kind, list(Kind)),
        "severity": fields.one_of("severity", rule.severity, list(Severity)),
        "enabled": rule.enabled,
        "device_type": fields.text("device_type", rule.device_type, longest=LONGEST_TYPE),
        "device_id": rule.device_id,
        "threshold": None,
        "abnormal": None,
    }
    for name in ("kind", "severity"):
        if not values[name]:
            fields.refuse(name, "is required")
    if rule.device_id < 0:
        fields.refuse("device_id", "must not be negative")
    if rule.kind == Kind.THRESHOLD:
        values["threshold"] = _threshold(fields, rule.threshold)
    elif rule.HasField("threshold"):
        fields.refuse("threshold", f"is for rules of the kind {Kind.THRESHOLD} alone")
    if rule.kind == Kind.ABNORMAL:
        values["abnormal"] = _abnormal(fields, rule.abnormal)
    elif rule.HasField("abnormal"):
        fields.refuse("abnormal", f"is for rules of the kind {Kind.ABNORMAL} alone")
    fields.check()
    return values


def _threshold(fields: Fields, threshold: rule_pb2.Threshold) -> Document:
    if not METRIC.fullmatch(threshold.metric):
        fields.refuse("threshold.metric", f"must be a metric name ({METRIC.pattern})")
    if not fields.one_of("threshold.direction", threshold.direction, list(Direction)):
        fields.refuse("threshold.direction", "is required")
    clear_limit = threshold.clear_limit if threshold.HasField("clear_limit") else None
    if not math.isfinite(threshold.limit) or not math.isfinite(clear_limit or 0):
        fields.refuse("threshold.limit", "must be a finite number, and so must clear_limit")
    if clear_limit is not None:
        above = threshold.direction == Direction.ABOVE
        if (clear_limit > threshold.limit) if above else (clear_limit < threshold.limit):
            fields.refuse("threshold.clear_limit", "must not be beyond the limit itself")
    if not 0 <= threshold.for_seconds <= LONGEST_WAIT_SECONDS:
        fields.refuse("threshold.for_seconds", f"must be from 0 to {LONGEST_WAIT_SECONDS}")
    return {
        "metric": threshold.metric,
        "direction": threshold.direction,
        "limit": threshold.limit,
        "clear_limit": clear_limit,
        "for_seconds": threshold.for_seconds,
    }


def _abnormal(fields: Fields, abnormal: rule_pb2.Abnormal) -> Document:
    if not METRIC.fullmatch(abnormal.metric):
        fields.refuse("abnormal.metric", f"must be a metric name ({METRIC.pattern})")
    values = {
        "metric": abnormal.metric,
        "z_score": abnormal.z_score or Z_SCORE,
        "alpha": abnormal.alpha or ALPHA,
        "warm_up": abnormal.warm_up or WARM_UP,
    }
    if not Z_SCORES[0] <= values["z_score"] <= Z_SCORES[1]:
        fields.refuse("abnormal.z_score", f"must be from {Z_SCORES[0]} to {Z_SCORES[1]}")
    if not 0 < values["alpha"] <= LARGEST_ALPHA:
        fields.refuse("abnormal.alpha", f"must be above 0 and at most {LARGEST_ALPHA}")
    if not WARM_UPS[0] <= values["warm_up"] <= WARM_UPS[1]:
        fields.refuse("abnormal.warm_up", f"must be from {WARM_UPS[0]} to {WARM_UPS[1]}")
    return values
