"""Reports from outside, folded into alerts with a beginning and an end.

What is reported opens an alert; what is reported again before its end goes on until the later end; what is
reported to be over, or not reported again until its end, resolves. Time comes from the log: the end of an
alert is a moment that the fold of the alerts log stops at (`alerting.desk`), so that no cut, replay or tick
matters. Of two reports about the same labels the newer counts, whichever is read first: one that comes twice
changes nothing.

Source: Alertmanager, provider/mem, `Alerts.Put`; types, `Alert.Merge`.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from alerting.outside.placing import place_of_report, priority_of, rule_of
from contract.alert import (
    FOLD_ACTOR,
    Alert,
    AlertEvent,
    Ending,
    OutsideCourse,
    OutsideReport,
    TransitionKind,
    outside_alert_id,
)
from contract.fleet import Fleet
from contract.live import AlertChanged


class Reports:
    """Alerts from outside as the reports that were taken make them."""

    def __init__(
        self,
        open_ones: dict[str, OutsideCourse],
        record: Mapping[str, OutsideCourse],
        fleet: Fleet,
        pupils: Mapping[int, int],
        alert: Callable[[str], Alert],
    ) -> None:
        """Begin with what is known.

        Args:
            open_ones: those that go on, by fingerprint; changed in place.
            record: at least those that were and that reports name, by fingerprint.
            fleet: all schools.
            pupils: pupils by school id; a school that is missing counts 0.
            alert: gives an open alert as it stands.
        """
        self._open = open_ones
        self._known = {**record, **open_ones}
        self._fleet = fleet
        self._pupils = pupils
        self._alert = alert
        self.changes: list[OutsideCourse] = []

    def due(self, until_us: int) -> list[int]:
        """Return the moments, rising, at which an alert ends unless it is reported again."""
        return sorted({course.ends_us for course in self._open.values() if course.ends_us <= until_us})

    def end(self, at_us: int) -> list[AlertChanged]:
        """End what nobody reported again until a moment."""
        over = sorted(key for key, course in self._open.items() if course.ends_us <= at_us)
        return [self._resolve(self._open[key], Ending.NOT_RESENT) for key in over]

    def take(self, report: OutsideReport, now_us: int) -> list[AlertChanged]:
        """Count a report that is read at a log time."""
        key = report.outside.fingerprint
        course = self._known.get(key)
        if course is not None and report.at_us <= course.heard_us:
            return []
        is_over = report.ends_us <= now_us
        if course is None or not course.is_open:
            return [] if is_over else [self._begin(key, course, report)]
        heard = replace(course, heard_us=report.at_us)
        if is_over:
            return [self._resolve(replace(heard, ends_us=report.ends_us), None)]
        self._keep(replace(heard, ends_us=max(course.ends_us, report.ends_us)))
        return []

    def _begin(self, key: str, before: OutsideCourse | None, report: OutsideReport) -> AlertChanged:
        opened_us = min(report.starts_us, report.at_us)
        if before is not None and opened_us < before.ends_us:
            opened_us = report.at_us  # it was over in between: nobody heard of it for too long
        school_id, series = place_of_report(report.outside, self._fleet)
        alert = Alert(
            outside_alert_id(key, opened_us),
            rule_of(report.outside),
            series,
            school_id,
            priority_of(report.outside),
            opened_us,
            report.at_us,
            value=None,
            expected_low=None,
            expected_high=None,
            score=None,
            pupils=self._pupils.get(school_id, 0),
            outside=report.outside,
        )
        self._keep(OutsideCourse(key, alert.alert_id, report.ends_us, report.at_us, is_open=True))
        return AlertChanged(
            alert, AlertEvent(alert.alert_id, TransitionKind.OPENED.value, opened_us, FOLD_ACTOR, "")
        )

    def _resolve(self, course: OutsideCourse, why: Ending | None) -> AlertChanged:
        alert = self._alert(course.alert_id)
        at_us = max(course.ends_us, alert.opened_at_us)
        self._keep(replace(course, ends_us=at_us, is_open=False))
        note = "" if why is None else why.value
        event = AlertEvent(alert.alert_id, TransitionKind.RESOLVED.value, at_us, FOLD_ACTOR, note)
        return AlertChanged(replace(alert, resolved_at_us=at_us), event)

    def _keep(self, course: OutsideCourse) -> None:
        self.changes.append(course)
        self._known[course.fingerprint] = course
        self._open[course.fingerprint] = course
        if not course.is_open:
            del self._open[course.fingerprint]
