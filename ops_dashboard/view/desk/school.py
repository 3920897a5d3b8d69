"""The sheet of a school: how it is, who is with it in that, its devices, its line, what happened (pure)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from alerting.messages.story import Office
from contract.alert import Alert, is_chronic
from contract.figures.lines import BELOW_CONTRACT, LOSS_BAD, QUARTER_MIN
from contract.fleet import Device, DeviceKind, Fleet, School
from contract.incident import CauseKind, Incident
from contract.live import STATE_ALERTED, STATE_MAINTENANCE, STATE_UNKNOWN
from contract.rule import ClockRule, Rule
from contract.series import METRIC_BITS
from contract.texts import Language, write_clock_off, write_date, write_number
from ops_dashboard.view.addresses import area_address, provider_address
from ops_dashboard.view.desk.places import incident_table, moment
from ops_dashboard.view.desk.quality import refused_words
from ops_dashboard.view.desk.sheet import UNKNOWN, Scribe, Sheet, SheetCell, SheetRow, SheetTable
from ops_dashboard.view.incidents import incident_words
from storage.wall import RefusedSender


class LineWeeks(NamedTuple):
    """What a line did in session within some weeks, one direction."""

    means_bps: np.ndarray[tuple[int], np.dtype[np.float64]]
    """Of each quarter hour, shape (n,)."""
    most_bps: float


class ReceivedKind(NamedTuple):
    """What of a system came within an hour."""

    kind: DeviceKind
    received: int
    due: int


class SchoolData(NamedTuple):
    """What a sheet is made of."""

    now_us: int
    states: str
    """Of all schools of the fleet."""
    alerts: Sequence[Alert]
    """The last of the school, as they may be shown, the newest first."""
    incidents: Sequence[Incident]
    """Open ones that concern the school."""
    heard: Mapping[int, int]
    """When each device was heard last within two days, by id, µs since 1970."""
    patience_us: Mapping[int, int]
    """After what pause a device that says something all the time is silent, by id, µs."""
    lines: Mapping[str, LineWeeks]
    """By metric."""
    bad_min: float
    """Minutes in session in which the line lost packets although it carried less than contracted."""
    received: Sequence[ReceivedKind]
    past: Sequence[Incident] = ()
    """The last incidents that it was in and that are over."""
    waiting: frozenset[int] = frozenset()
    """Ids of devices from which nothing was due so far."""
    refused: Sequence[RefusedSender] | None = None
    """What was refused of it within a day; None where the reader may not see it."""


def school_sheet(school: School, fleet: Fleet, data: SchoolData, office: Office, scribe: Scribe) -> Sheet:
    """Return the sheet of a school; `fleet` is the part of the city that is seen."""
    maker = _Maker(school, fleet, data, office, scribe)
    position = fleet.school_position.get(school.id)
    incidents = incident_table(data.incidents, office, data.now_us, scribe)
    tables = [incidents, maker.devices(), maker.neighbours(), maker.line(), maker.received(), maker.past()]
    if data.refused is not None:
        tables.append(maker.refused(data.refused))
    return Sheet(
        school.name,
        maker.about(),
        maker.way(),
        data.now_us,
        [] if position is None else [position],
        [*tables, maker.alerts()],
        maker.verdict(),
    )


class _Maker:
    def __init__(
        self, school: School, fleet: Fleet, data: SchoolData, office: Office, scribe: Scribe
    ) -> None:
        self._school, self._fleet, self._data = school, fleet, data
        self._office, self._scribe = office, scribe
        position = fleet.school_position.get(school.id)
        self._state = STATE_UNKNOWN if position is None else data.states[position]
        self._open = sorted(
            (a for a in data.alerts if a.resolved_at_us is None),
            key=lambda a: (a.priority, a.opened_at_us, a.alert_id),
        )

    def about(self) -> str:
        school, language = self._school, self._scribe.language
        down, up = (
            write_number(bps / 1e6, language)
            for bps in (school.contracted_down_bps, school.contracted_up_bps)
        )
        level = self._scribe.say(f"level.{school.level.value}")
        pupils = write_number(school.pupils, language)
        return self._scribe.say(
            "sheet.about_school",
            level=level,
            pupils=pupils,
            isp=school.isp,
            down=down,
            up=up,
            code=school.code,
        )

    def way(self) -> list[SheetCell]:
        ward = self._fleet.ward_by_code[self._school.ward_code]
        cluster = self._fleet.cluster_by_code[ward.cluster_code]
        return [
            SheetCell(self._scribe.say("leadership.city"), href="/"),
            SheetCell(cluster.name, href=area_address(cluster.code)),
            SheetCell(ward.name, href=area_address(ward.code)),
            SheetCell(self._school.name),
        ]

    def verdict(self) -> SheetCell:
        """Return how the school is in a sentence, and in another what that is part of."""
        if self._school.code not in self._fleet.school_by_code:
            return self._former()
        if self._open:
            return self._trouble()
        if self._state == STATE_UNKNOWN:
            last = max(self._data.heard.values(), default=None)
            if last is None:
                return SheetCell(self._scribe.say("sheet.school_never"))
            return SheetCell(self._scribe.say("sheet.school_unknown", at=self._clock(last)))
        words = "sheet.school_maintenance" if self._state == STATE_MAINTENANCE else "sheet.school_well"
        return SheetCell(self._scribe.say(words))

    def _former(self) -> SheetCell:
        former = self._fleet.former_by_code[self._school.code]
        day = write_date(former.closed_us, self._scribe.language, self._office.zone)
        into = self._fleet.keeper_of(former)
        if into is None:
            return SheetCell(self._scribe.say("sheet.school_closed", day=day))
        return SheetCell(
            self._scribe.say("sheet.school_merged", day=day, name=into.name), href=f"/school/{into.code}"
        )

    def _trouble(self) -> SheetCell:
        worst, more = self._open[0], len(self._open) - 1
        said = self._scribe.say(
            "sheet.school_alert", title=self._title(worst), at=self._clock(worst.opened_at_us)
        )
        if more:
            said += " " + self._scribe.say("sheet.school_more", n=more)
        shared = next((i for i in self._data.incidents if i.cause.kind is not CauseKind.SCHOOL), None)
        if shared is None:
            own = next(iter(self._data.incidents), None)
            address = f"/alerts?alert={worst.alert_id}" if own is None else f"/incidents/{own.incident_id}"
            return SheetCell(said, href=address, note=self._scribe.say("sheet.school_alone"))
        words = incident_words(shared, self._office, self._scribe.language, self._data.now_us)
        n = write_number(shared.schools, self._scribe.language)
        note = self._scribe.say("sheet.school_shared", name=words.name, n=n)
        return SheetCell(said, href=f"/incidents/{shared.incident_id}", note=note)

    def devices(self) -> SheetTable:
        """Return the devices, each with what it needs."""
        rows = [self._device(device) for device in self._fleet.devices if device.school_id == self._school.id]
        return self._scribe.table("own_devices", ("device", "state", "heard", "detail", "todo"), rows)

    def _device(self, device: Device) -> SheetRow:
        own = [a for a in self._open if a.series >> METRIC_BITS == device.id]
        heard = self._data.heard.get(device.id)
        clock = next((a for a in own if isinstance(self._rule(a), ClockRule)), None)
        patience_us = self._data.patience_us.get(device.id)
        unheard = "waiting" if device.id in self._data.waiting else "unheard"
        word = unheard if heard is None else "works"
        if heard is not None and patience_us is not None and self._data.now_us - heard > patience_us:
            word = "silent"
        state = SheetCell(self._scribe.say(f"sheet.device_{word}"), is_bad=word in ("silent", "unheard"))
        detail = SheetCell(UNKNOWN)
        if clock is not None and clock.value is not None:
            off = write_clock_off(clock.value, self._scribe.say, self._scribe.language)
            told = self._scribe.say("school.clock_wrong", off=off)
            detail = SheetCell(told, href=f"/alerts?alert={clock.alert_id}")
        elif own:
            detail = SheetCell(self._told(own[0]), href=f"/alerts?alert={own[0].alert_id}")
        told_by = next(iter(own), None)
        todo = UNKNOWN if told_by is None else self._advice(told_by)
        if word == "unheard" and told_by is None:
            todo = self._scribe.say("sheet.todo_unheard")
        cells = [
            SheetCell(self._scribe.say(f"device.{device.kind.value}"), note=device.code),
            state,
            SheetCell(UNKNOWN) if heard is None else SheetCell(self._clock(heard), at_us=heard),
            detail,
            SheetCell(todo),
        ]
        return SheetRow(cells)

    def neighbours(self) -> SheetTable:
        """Return how those are who share something with the school, the nearest first."""
        school, fleet, scribe = self._school, self._fleet, self._scribe
        ward = fleet.ward_by_code[school.ward_code]
        cluster = fleet.cluster_by_code[ward.cluster_code]
        own_isp = [i for i, s in enumerate(fleet.schools) if s.isp == school.isp]
        own_cluster = [
            i for i in own_isp if fleet.ward_by_code[fleet.schools[i].ward_code].cluster_code == cluster.code
        ]
        own_ward = [i for i, s in enumerate(fleet.schools) if s.ward_code == ward.code]
        groups = (
            ("ward", ward.name, area_address(ward.code), own_ward),
            ("isp_cluster", f"{school.isp} · {cluster.name}", provider_address(school.isp), own_cluster),
            ("isp", school.isp, provider_address(school.isp), own_isp),
        )
        rows = []
        for kind, name, address, members in groups:
            own = [i for i in members if fleet.schools[i].id != school.id]
            if not own:
                continue
            troubled = sum(self._data.states[i] in STATE_ALERTED for i in own)
            dark = sum(self._data.states[i] == STATE_UNKNOWN for i in own)
            cells = [
                SheetCell(name, href=address, note=scribe.say(f"sheet.beside_{kind}")),
                scribe.number(len(own)),
                scribe.number(troubled),
                scribe.number(dark),
            ]
            rows.append(SheetRow(cells))
        columns = ("name", "schools", "troubled", "dark")
        return scribe.table("neighbours", columns, rows, numbers=columns[1:])

    def line(self) -> SheetTable:
        """Return what is contracted beside what was measured in session."""
        school, scribe = self._school, self._scribe
        contracted = {"down_bps": school.contracted_down_bps, "up_bps": school.contracted_up_bps}
        rows = []
        for name, weeks in self._data.lines.items():
            p5, median = np.quantile(weeks.means_bps, (0.05, 0.5)) / 1e6
            key = name.removesuffix("_bps")
            cells = [SheetCell(scribe.say(f"figure.{key}")), scribe.number(contracted[name] / 1e6)]
            cells += [scribe.number(float(v), 1) for v in (median, p5, weeks.most_bps / 1e6)]
            rows.append(SheetRow(cells))
        about = ""
        if rows:
            observed = QUARTER_MIN * len(next(iter(self._data.lines.values())).means_bps)
            bad, of = (write_number(m, scribe.language) for m in (self._data.bad_min, observed))
            marks = {"loss": f"{100 * LOSS_BAD:.0f}", "share": f"{100 * BELOW_CONTRACT:.0f}"}
            about = scribe.say("sheet.line_about", bad=bad, of=of, **marks)
        columns = ("direction", "contract", "median", "p5", "peak")
        return scribe.table("line", columns, rows, numbers=columns[1:], about=about)

    def received(self) -> SheetTable:
        """Return how much of what was due within an hour came."""
        rows = []
        for one in self._data.received:
            name = SheetCell(self._scribe.say(f"device.{one.kind.value}"))
            rows.append(SheetRow([name, self._scribe.share(one.received, one.due)]))
        columns = ("system", "reporting")
        return self._scribe.table("received", columns, rows, numbers=columns[1:])

    def past(self) -> SheetTable:
        """Return the last incidents that are over, and how long each was."""
        rows = []
        for one in self._data.past:
            words = incident_words(one, self._office, self._scribe.language, self._data.now_us)
            over_us = one.quiet_at_us or one.ended_at_us or self._data.now_us
            cells = [
                SheetCell(words.name, href=f"/incidents/{one.incident_id}", note=words.what),
                SheetCell(self._clock(one.opened_at_us), at_us=one.opened_at_us),
                self._scribe.number((over_us - one.opened_at_us) / 60e6),
                SheetCell(one.assignee or one.acknowledged_by or UNKNOWN),
            ]
            rows.append(SheetRow(cells))
        return self._scribe.table("past", ("incident", "since", "minutes", "who"), rows, numbers=("minutes",))

    def refused(self, senders: Sequence[RefusedSender]) -> SheetTable:
        """Return what was refused within a day, by device and reason, and what was wrong with the latest."""
        rows = []
        for one in senders:
            reason = self._scribe.say(f"reason.{one.reason.value}")
            cells = [
                SheetCell(one.device or UNKNOWN),
                SheetCell(reason, href=f"/quarantine?reason={one.reason.value}", note=one.reason.value),
                SheetCell(refused_words(one, self._office, self._scribe)),
                self._scribe.number(one.times),
                SheetCell(self._clock(one.latest_us), at_us=one.latest_us),
            ]
            rows.append(SheetRow(cells))
        columns = ("device", "reason", "detail", "refused", "latest")
        return self._scribe.table("refused", columns, rows, numbers=("refused",))

    def alerts(self) -> SheetTable:
        """Return the last alerts, open ones first."""
        rest = [a for a in self._data.alerts if a.resolved_at_us is not None]
        rows = []
        for one in (*self._open, *rest):
            over = one.resolved_at_us
            lasted = ((over or self._data.now_us) - one.opened_at_us) / 60e6
            state = "open" if one.acknowledged_at_us is None else "acknowledged"
            state = state if over is None else "resolved"
            cells = [
                SheetCell(f"P{one.priority}", priority=one.priority),
                SheetCell(self._title(one), href=f"/alerts?alert={one.alert_id}"),
                SheetCell(self._scribe.say(f"alerts.state_{state}")),
                SheetCell(self._clock(one.opened_at_us), at_us=one.opened_at_us),
                self._scribe.number(max(0.0, lasted)),
                SheetCell(one.acknowledged_by or UNKNOWN),
            ]
            rows.append(SheetRow(cells, str(one.priority) if over is None else ""))
        columns = ("priority", "alert", "state", "since", "minutes", "who")
        return self._scribe.table("alerts", columns, rows, numbers=("minutes",), is_main=True)

    def _rule(self, alert: Alert) -> Rule | None:
        return self._office.rules.get(alert.rule)

    def _told(self, alert: Alert) -> str:
        """Return what an alert says of its device; of a chronic one since which day."""
        if not is_chronic(alert.rule):
            return self._title(alert)
        day = write_date(alert.opened_at_us, self._scribe.language, self._office.zone)
        return self._scribe.say("school.chronic", day=day)

    def _title(self, alert: Alert) -> str:
        rule = self._rule(alert)
        if rule is None:
            return alert.rule
        return rule.title_vi if self._scribe.language is Language.VI else rule.title_en

    def _advice(self, alert: Alert) -> str:
        rule = self._rule(alert)
        if rule is None:
            return UNKNOWN
        return rule.advice_vi if self._scribe.language is Language.VI else rule.advice_en

    def _clock(self, at_us: int) -> str:
        return moment(at_us, self._data.now_us, self._office, self._scribe)
