"""The owner of the alerts log: the one writer of alerts, for the fold and for operators alike."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from alerting.lifecycle import fold_alerts
from bus.codec import decode_action, decode_transitions
from bus.log import Log
from contract.alert import Action, Alert, AlertEvent, Ending, Priority, Transition
from contract.commit import Commit, Counts
from contract.entry import ALERTS_LOG, EntryKind, RawEntry
from contract.live import ALERT_SUBJECT, AlertChanged
from storage.alerts import alert_history, load_alert, open_alerts
from storage.results import load_position
from stream_processor.fold.reconcile import ended
from stream_processor.owners.announce import announce
from stream_processor.owners.owner import Publish, Tally, write

_logger: Final = logging.getLogger(__name__)


class AlertsOwner:
    """Open alerts in memory, in step with the table."""

    def __init__(
        self, conn: AsyncConnection[Any], publish: Publish, pupils: Mapping[int, int], tally: Tally
    ) -> None:
        self._conn = conn
        self._publish = publish
        self._pupils = pupils
        self._tally = tally
        self._open: dict[str, Alert] = {}
        self.seq = 0

    @property
    def keep_after(self) -> int:
        """The position: nothing before it is needed again."""
        return self.seq

    async def load(self) -> None:
        """Read the position and the open alerts."""
        self.seq = (await load_position(self._conn, ALERTS_LOG)).seq
        self._open = {alert.alert_id: alert for alert in await open_alerts(self._conn)}
        self._count()

    async def retire(self, log: Log, ending_of: Callable[[Alert], Ending | None], at_us: int) -> None:
        """Resolve the open alerts that no fold will ever resolve: their rule, device or school is gone.

        Args:
            log: where the resolutions are appended; they come back through `take`.
            ending_of: why an alert ends; None for one that a fold looks after.
            at_us: log time.
        """
        for alert in self._open.values():
            ending = ending_of(alert)
            if ending is not None:
                _logger.info(
                    "event=alert_retired alert=%s rule=%s ending=%s", alert.alert_id, alert.rule, ending.value
                )
                await announce(log, ended(alert, at_us, ending))

    async def take(self, raws: Sequence[RawEntry]) -> None:
        """Fold transitions and actions, commit the changes, and publish each."""
        entries = [entry for raw in raws for entry in _decode(raw)]
        known = await self._known({entry.alert_id for entry in entries})
        actions = {entry.alert_id for entry in entries if isinstance(entry, Action)}
        for alert_id in sorted(actions - known.keys()):
            _logger.warning("event=action_without_alert alert=%s", alert_id)
        history: list[AlertEvent] = []
        for alert_id in sorted(actions):
            history += await alert_history(self._conn, alert_id)
        changes = fold_alerts(known, history, entries, self._pupils)
        await self._commit(raws[-1], changes)
        for change in changes:
            await self._publish(ALERT_SUBJECT, msgspec.msgpack.encode(change))

    async def finish(self) -> None:
        """Do nothing: every commit is complete."""

    async def _known(self, alert_ids: set[str]) -> dict[str, Alert]:
        known = {alert_id: self._open[alert_id] for alert_id in alert_ids & self._open.keys()}
        for alert_id in sorted(alert_ids - known.keys()):
            alert = await load_alert(self._conn, alert_id)
            if alert is not None:
                known[alert_id] = alert
        return known

    async def _commit(self, last: RawEntry, changes: Sequence[AlertChanged]) -> None:
        what = Commit(ALERTS_LOG, self.seq, last.seq, last.at_us, Counts(), alerts=tuple(changes))
        await write(self._conn, what, self._tally)
        self.seq = last.seq
        for change in changes:
            self._open[change.alert.alert_id] = change.alert
            if change.alert.resolved_at_us is not None:
                del self._open[change.alert.alert_id]
        self._count()

    def _count(self) -> None:
        for priority in Priority:
            number = sum(alert.priority == priority for alert in self._open.values())
            self._tally.meter.put("eduops_alerts_open", number, str(int(priority)))


def _decode(raw: RawEntry) -> list[Transition | Action]:
    if raw.kind is EntryKind.TRANSITION:
        return [*decode_transitions(raw.payload)]
    if raw.kind is EntryKind.ACTION:
        return [decode_action(raw.payload)]
    return []
