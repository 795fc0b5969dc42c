"""fieldstock.telemetry.v1.AlertService: read, call, render."""

from typing import Any

from fieldstock.telemetry.v1 import alert_pb2, alert_service_pb2, alert_service_pb2_grpc
from servicekit.access import caller
from servicekit.fields import Fields
from servicekit.paging import MILLISECONDS, TEXT, read_page
from telemetry_svc.clock import milliseconds, moment
from telemetry_svc.events import alert_to_proto
from telemetry_svc.watch.alerts import Alerts
from telemetry_svc.watch.rules import Severity

LONGEST_NOTE = 1_000
STATES: dict[str, dict[str, Any]] = {
    "active": {"resolved_at": None},
    "resolved": {"resolved_at": {"$ne": None}},
    "all": {},
}


class AlertServicer(alert_service_pb2_grpc.AlertServiceServicer):
    """The alerts, open and past."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def ListAlerts(self, request: Any, context: Any) -> alert_service_pb2.ListAlertsResponse:
        which = _which(request)
        page = read_page(request, MILLISECONDS, TEXT)
        after = (moment(int(page.after[0])), str(page.after[1])) if page.after else None
        alerts, more = await self._alerts.page(which, page.size, after)
        last = alerts[-1] if more else None
        return alert_service_pb2.ListAlertsResponse(
            alerts=[alert_to_proto(alert) for alert in alerts],
            next_page_token=page.token([milliseconds(last["opened_at"]), last["_id"]]) if last else "",
        )

    async def AcknowledgeAlert(self, request: Any, context: Any) -> alert_pb2.Alert:
        note = _note(request)
        return alert_to_proto(await self._alerts.acknowledge(request.id, caller().name, note, request.version))

    async def ResolveAlert(self, request: Any, context: Any) -> alert_pb2.Alert:
        note = _note(request)
        return alert_to_proto(await self._alerts.resolve(request.id, caller().name, note, request.version))


def _note(request: Any) -> str:
    fields = Fields()
    note = fields.prose("note", request.note, longest=LONGEST_NOTE)
    if request.version < 0:
        fields.refuse("version", "must not be negative")
    fields.check()
    return note


def _which(request: Any) -> dict[str, Any]:
    fields = Fields()
    state = fields.one_of("state", request.state, STATES) or "active"
    severity = fields.one_of("severity", request.severity, list(Severity))
    fields.check()
    asked = {"severity": severity, "device_id": request.device_id, "rule_id": request.rule_id}
    return {**STATES[state], **{name: value for name, value in asked.items() if value}}
