"""What is open already when somebody begins to watch: the rules go on with it, or it ends."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from telemetry_svc.columns.fleet import Fleet, Status
from telemetry_svc.columns.frame import partition_of
from telemetry_svc.fence import Fence
from telemetry_svc.store import READ_AT_ONCE
from telemetry_svc.watch.alerts import Alerts, Because, OpenAlert, alert_id
from telemetry_svc.watch.judge import Judge
from telemetry_svc.watch.rules import Excursion
from telemetry_svc.watch.state import Saved


class Resuming:
    """Makes the rules remember the excursions of alerts that are stored."""

    def __init__(self, fleet: Fleet, judge: Judge, alerts: Alerts) -> None:
        self._fleet = fleet
        self._judge = judge
        self._alerts = alerts

    async def what_is_over(self, were_open: Sequence[Saved]) -> None:
        """What was open when it was saved and is over by now, is over in the journal: whatever comes before that there
        must find it open, or it would open another alert."""
        for start in range(0, len(were_open), READ_AT_ONCE):
            alerts = [
                OpenAlert(
                    alert_id(one.rule_id, one.rule_version, one.device_id, one.since_ms),
                    one.rule_id,
                    one.rule_version,
                    one.device_id,
                    one.since_ms,
                )
                for one in were_open[start : start + READ_AT_ONCE]
            ]
            for alert in await self._alerts.over_by_itself(alerts):
                self._resume(alert)

    async def what_is_open(
        self, which: Mapping[str, Any], partitions: Collection[int], fence: Fence, *, anew: Sequence[int] = ()
    ) -> None:
        """Of the alerts that fit, those of these partitions. `anew`: devices of which nothing else is remembered then.

        Raises LeaseLost.
        """
        alerts = [one async for one in self._alerts.open_ones(which) if partition_of(one.device_id) in partitions]
        # Not before they are known: what is forgotten and cannot be looked up would never end.
        for device_id in anew:
            self._judge.forget(device_id)
        over: list[OpenAlert] = []
        for number, alert in enumerate(alerts):
            if not number % READ_AT_ONCE:
                await asyncio.sleep(0)
            if self._fleet.status_of(alert.device_id) is not Status.DEPLOYED or not self._resume(alert):
                over.append(alert)
        # Since a pause there may be another owner, who knows more of devices and rules than we do.
        if over:
            fence.assure()
        for alert in over:
            await self._end(alert)

    def _resume(self, alert: OpenAlert) -> bool:
        excursion = Excursion(alert.opened_ms, opened=True)
        return self._judge.resume(alert.rule_id, alert.rule_version, alert.device_id, excursion)

    async def _end(self, alert: OpenAlert) -> None:
        """Ends an alert whose device is not deployed any more, or whose rule is not the same."""
        status = self._fleet.status_of(alert.device_id)
        if status is not Status.DEPLOYED:
            version = int(self._fleet.version[alert.device_id]) if status else 0
            await self._alerts.end_device(alert.device_id, status, version)
            return
        ours = self._judge.version_of(alert.rule_id)
        if ours is None:
            await self._alerts.end_rule(alert.rule_id, through_version=alert.rule_version, because=Because.RULE_DELETED)
        elif alert.rule_version < ours:
            await self._alerts.end_rule(alert.rule_id, through_version=alert.rule_version, because=Because.RULE_CHANGED)
        # Else it is we who do not know the rule as it is by now.
