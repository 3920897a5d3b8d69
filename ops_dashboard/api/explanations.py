"""An alert's explanation, from the board in memory and what the tables remember."""

from collections.abc import Sequence
from typing import Final

import msgspec

from alerting.explanation.evidence import (
    DISMISSALS_SHOWN,
    NEARBY_DAYS,
    Known,
    explain,
    nearby_ids,
)
from alerting.explanation.sentences import sentences
from alerting.explanation.verdict import heartbeats, is_about_attendance
from contract.alert import Alert
from contract.fleet import DeviceKind
from contract.privacy import shown_alert
from contract.rule import Rule
from contract.series import METRIC_BITS
from contract.texts import Language
from ops_dashboard.services import Services

DAY_US: Final = 86_400_000_000


async def explained(services: Services, alert: Alert) -> dict[str, object]:
    """Return the explanation of an alert: codes and numbers as they may be shown, and sentences.

    Args:
        services: the dashboard's.
        alert: as the table has it.

    Raises:
        InfrastructureError: PostgreSQL does not answer.
    """
    rules = {rule.name: rule for rule in services.rules}
    rule, zone = rules.get(alert.rule), services.calendar.timezone
    why = explain(shown_alert(alert, services.catalogue), await _known(services, alert, rules))
    said = {lang.value: sentences(why, rule, services.texts, lang, zone) for lang in Language}
    return {**msgspec.structs.asdict(why), "sentences": said}


async def _known(services: Services, alert: Alert, rules: dict[str, Rule]) -> Known:
    board, real_us = services.board, services.real_us()
    now_us = services.config.clock.log_us(real_us)
    about_attendance = is_about_attendance(rules.get(alert.rule), services.catalogue)
    dismissals, dismissed_nearby = await services.archive.dismissed(
        alert, DISMISSALS_SHOWN, nearby_ids(alert, services.fleet), now_us - NEARBY_DAYS * DAY_US
    )
    incident, elsewhere = await services.archive.shared_around(alert.alert_id)
    return Known(
        groups=board.groups,
        catalogue=services.catalogue,
        rules=rules,
        open_alerts=board.open_alerts,
        of_school=await _of_school(services, alert) if about_attendance else (),
        incident=incident,
        elsewhere=elsewhere,
        states=board.states(real_us),
        heard=await _heard(services, alert, now_us) if about_attendance else frozenset(),
        dismissals=dismissals,
        dismissed_nearby=dismissed_nearby,
    )


async def _of_school(services: Services, alert: Alert) -> Sequence[Alert]:
    """Return the alerts of a school that may stand beside one: for a resolved one the past is read."""
    if alert.resolved_at_us is not None:
        return await services.archive.school_alerts(alert.school_id)
    opened = services.board.open_alerts.values()
    return [other for other in opened if other.school_id == alert.school_id]


async def _heard(services: Services, alert: Alert, now_us: int) -> frozenset[DeviceKind]:
    """Return the kinds of the devices of an attendance alert's school with a fresh heartbeat."""
    fleet = services.fleet
    devices = [device for device in fleet.devices if device.school_id == alert.school_id]
    after_us = heartbeats(devices, now_us, services.catalogue)
    # Registers end an hour into a session: the one that opened the alert still says that the reader works.
    own = {s: min(us, alert.opened_at_us) for s, us in after_us.items() if s == alert.series}
    found = await services.archive.heard({**after_us, **own})
    return frozenset(fleet.device_by_id[series >> METRIC_BITS].kind for series in found)
