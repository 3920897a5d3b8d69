"""The sheet of the data itself: who is silent, late by the clock, refused, twice, and what to do (pure)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from alerting.messages.story import Office
from contract.alert import Alert
from contract.commit import Position
from contract.fleet import Device, Fleet, School
from contract.live import STATE_UNKNOWN
from contract.privacy import shown_refusal
from contract.rejected import Reason, Rejected, detail_words
from contract.rule import ClockRule, JointRule, SilenceRule, StuckRule
from contract.texts import Language, write_clock_off, write_number
from ops_dashboard.view.addresses import area_address
from ops_dashboard.view.areas import CitySums, WallArea
from ops_dashboard.view.desk.places import moment
from ops_dashboard.view.desk.sheet import UNKNOWN, Scribe, Sheet, SheetCell, SheetRow, SheetTable
from ops_dashboard.view.desk.systems import COVERED
from storage.devices.sightings import TroubledDevice
from storage.wall import RefusedSender


class Refusals(NamedTuple):
    """What was refused."""

    reasons: Mapping[Reason, int]
    """All that are kept."""
    senders: Sequence[RefusedSender]
    """Of a day, at most as many as were asked for."""
    devices: Sequence[TroubledDevice]


class QualityData(NamedTuple):
    """What the sheet is made of."""

    now_us: int
    states: str
    alerts: Sequence[Alert]
    refusals: Refusals
    ledger: Mapping[str, Position]
    sums: CitySums
    heard: frozenset[int]
    """Ids of the devices that said anything within two days."""
    waiting: frozenset[int]
    """Ids of those from which nothing was due in them."""
    ahead_us: int
    """What must be added to real time for log time, µs."""


def quality_sheet(fleet: Fleet, data: QualityData, office: Office, scribe: Scribe) -> Sheet:
    """Return the sheet of the data of the whole city."""
    maker = _Maker(fleet, data, office, scribe)
    name = scribe.say("nav.quality")
    return Sheet(
        name,
        scribe.say("sheet.about_quality"),
        [SheetCell(scribe.say("leadership.city"), href="/"), SheetCell(name)],
        data.now_us,
        list(range(len(fleet.schools))),
        [maker.coverage(), maker.reasons(), maker.ledger(), maker.senders(), maker.troubles()],
    )


def refused_words(sender: RefusedSender, office: Office, scribe: Scribe) -> str:
    """Return what exactly was wrong with the latest that a sender was refused, in the reader's words."""
    latest = Rejected(sender.reason, sender.topic, sender.detail, sender.latest_us, 0)
    shown = shown_refusal(latest, office.catalogue)
    return detail_words(shown.detail, scribe.texts, scribe.language)


class _Maker:
    def __init__(self, fleet: Fleet, data: QualityData, office: Office, scribe: Scribe) -> None:
        self._fleet, self._data, self._office, self._scribe = fleet, data, office, scribe

    def coverage(self) -> SheetTable:
        """Return how much of what is due comes, by cluster and system."""
        fleet, scribe = self._fleet, self._scribe
        of_school = fleet.cluster_of_wards[fleet.ward_index]
        rows = []
        for place, cluster in enumerate(fleet.clusters):
            own = [i for i, c in enumerate(of_school) if c == place]
            dark = sum(self._data.states[i] == STATE_UNKNOWN for i in own)
            kpis = self._data.sums.kpis(WallArea(cluster.code, cluster.name, is_ward=False))
            shares = [scribe.share(kpis[m].reporting, kpis[m].expected) for m in COVERED.values()]
            cells = [SheetCell(cluster.name, href=area_address(cluster.code)), scribe.number(len(own))]
            rows.append(SheetRow([*cells, scribe.number(dark), *shares]))
        columns = ("name", "schools", "dark", *(kind.value for kind in COVERED))
        about = scribe.say("sheet.coverage_about")
        return scribe.table("coverage", columns, rows, numbers=columns[1:], about=about)

    def reasons(self) -> SheetTable:
        """Return what is refused by reason, with what the sender should change."""
        rows = [
            SheetRow(
                [
                    self._reason_cell(reason, f"/quarantine?reason={reason.value}"),
                    self._scribe.number(count),
                ]
            )
            for reason, count in sorted(
                self._data.refusals.reasons.items(), key=lambda one: (-one[1], one[0])
            )
        ]
        return self._scribe.table("reasons", ("reason", "refused"), rows, numbers=("refused",))

    def ledger(self) -> SheetTable:
        """Return what became of all that was received."""
        counts = [position.counts for position in self._data.ledger.values()]
        received = sum(c.received for c in counts)
        rows = []
        for name in ("stored", "duplicate", "corrected", "quarantined"):
            n = sum(getattr(c, name) for c in counts)
            share = self._scribe.share(n, received, 2)
            title = self._scribe.say(f"sheet.ledger_{name}")
            rows.append(
                SheetRow([SheetCell(title), self._scribe.number(n), SheetCell(share.text, share.value, 2)])
            )
        columns = ("outcome", "readings", "share")
        received_text = write_number(received, self._scribe.language)
        about = self._scribe.say("sheet.ledger_about", n=received_text)
        return self._scribe.table(
            "ledger", columns, rows if received else [], numbers=columns[1:], about=about
        )

    def senders(self) -> SheetTable:
        """Return who sent most of what was refused within a day."""
        rows = [
            SheetRow(
                [
                    self._school_cell(self._fleet.school_by_code.get(one.school), one.school),
                    SheetCell(one.device or UNKNOWN),
                    self._reason_cell(one.reason),
                    SheetCell(refused_words(one, self._office, self._scribe)),
                    self._scribe.number(one.times),
                    SheetCell(self._clock(one.latest_us), at_us=one.latest_us),
                ]
            )
            for one in self._data.refusals.senders
        ]
        columns = ("school", "device", "reason", "detail", "refused", "latest")
        return self._scribe.table("senders", columns, rows, numbers=("refused",))

    def troubles(self) -> SheetTable:
        """Return the devices of which something is wrong: by rules, by the broker, or never heard."""
        rows = [*self._told_by_rules(), *self._told_by_broker(), *self._unheard()]
        columns = ("trouble", "school", "device", "since", "detail", "todo")
        return self._scribe.table("devices", columns, rows, is_main=True)

    def _told_by_rules(self) -> list[SheetRow]:
        found = []
        vi = self._scribe.language is Language.VI
        for alert in sorted(self._data.alerts, key=lambda a: (a.priority, a.opened_at_us, a.alert_id)):
            rule = self._office.rules.get(alert.rule)
            device = self._fleet.device_of(alert.series)
            if device is None or not isinstance(rule, SilenceRule | ClockRule | StuckRule | JointRule):
                continue
            detail = UNKNOWN
            if isinstance(rule, ClockRule) and alert.value is not None:
                off = write_clock_off(alert.value, self._scribe.say, self._scribe.language)
                detail = self._scribe.say("school.clock_wrong", off=off)
            title, todo = (rule.title_vi, rule.advice_vi) if vi else (rule.title_en, rule.advice_en)
            trouble = SheetCell(title, href=f"/alerts?alert={alert.alert_id}")
            found.append(self._row(trouble, device, alert.opened_at_us, detail, todo))
        return found

    def _told_by_broker(self) -> list[SheetRow]:
        found = []
        for one in self._data.refusals.devices:
            school, _, code = one.name.partition("/")
            device = self._fleet.device_by_path.get((school, code))
            refused = "over_share" if one.refused_for == "over_share" else "refused"
            for trouble, at_us in (("twice", one.twice_us), (refused, one.refused_us)):
                if device is None or at_us is None:
                    continue
                times = write_number(one.refusals, self._scribe.language)
                detail = UNKNOWN if trouble == "twice" else f"{self._denial(one.refused_for)} · {times}×"
                cell = SheetCell(self._scribe.say(f"sheet.trouble_{trouble}"))
                todo = self._scribe.say(f"sheet.todo_{trouble}")
                found.append(self._row(cell, device, at_us + self._data.ahead_us, detail, todo))
        return found

    def _denial(self, code: str) -> str:
        """Return why the broker let a device not in; one of another version stays as it is."""
        key = f"denial.{code}"
        return self._scribe.say(key) if key in self._scribe.texts.keys else code

    def _unheard(self) -> list[SheetRow]:
        cell = SheetCell(self._scribe.say("sheet.trouble_unheard"))
        todo = self._scribe.say("sheet.todo_unheard")
        unheard = (d for d in self._fleet.devices if d.id not in self._data.heard | self._data.waiting)
        return [self._row(cell, device, None, UNKNOWN, todo) for device in unheard]

    def _row(
        self, trouble: SheetCell, device: Device, since_us: int | None, detail: str, todo: str
    ) -> SheetRow:
        school = self._fleet.school_by_id[device.school_id]
        position = self._fleet.school_position[school.id]
        since = SheetCell(UNKNOWN) if since_us is None else SheetCell(self._clock(since_us), at_us=since_us)
        kind = self._scribe.say(f"device.{device.kind.value}")
        cells = [trouble, self._school_cell(school, school.code), SheetCell(device.code, note=kind), since]
        state = self._data.states[position]
        return SheetRow([*cells, SheetCell(detail), SheetCell(todo)], state, position)

    def _school_cell(self, school: School | None, code: str) -> SheetCell:
        if school is None:
            return SheetCell(code or UNKNOWN)
        return SheetCell(school.name, href=f"/school/{quote(school.code)}", note=school.code)

    def _reason_cell(self, reason: Reason, href: str = "") -> SheetCell:
        """Return what was wrong and what to change, with the name that programs know."""
        return SheetCell(self._scribe.say(f"reason.{reason.value}"), href=href, note=reason.value)

    def _clock(self, at_us: int) -> str:
        return moment(at_us, self._data.now_us, self._office, self._scribe)
