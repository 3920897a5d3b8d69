"""What the fold of one partition knows beforehand: slots, rules, calendar, detector."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Detector, detector_named
from anomaly.moments import NO_PHASE, PHASES
from contract.alert import Channel
from contract.calendar import Context, SchoolCalendar, in_session
from contract.canary import CANARY_METRIC, canary_series
from contract.catalogue import Catalogue, Metric, Published
from contract.fleet import LEVELS, Fleet
from contract.live import WARD_METRICS
from contract.reading import distinct
from contract.rule import JOINT_METRICS, ChronicRule, Rule, ThresholdRule
from contract.series import MAX_METRIC_ID, METRIC_BITS
from contract.topic import Stream
from stream_processor.fold.layout import FleetColumns, Layout, lay_out
from stream_processor.fold.rulebook import Rulebook, compile_rules
from stream_processor.fold.state import BASELINES, State, initial_state

QUARTER_US: Final = 900_000_000
"""Offsets of time zones are multiples of a quarter of an hour: within one, the local day is one."""
SESSIONS_FROM: Final = 12
"""Half-hour of the day, 6:00, with which the profile of a session's baseline begins."""
AMOUNTS: Final = frozenset({"bit/s", "count"})
"""Units of metrics that grow with the school."""
LAST_US: Final = int(np.iinfo(np.int64).max)
FULL_SHARE: Final = 0.9
"""Share of its contracted rate from which a line is full: chosen, what is lost to headers and shaping stays
below a tenth."""


@dataclass(frozen=True)
class DayPlan:
    """One local day, as far as the fold asks."""

    starts_us: int
    """Local midnight."""
    first_session_us: NDArray[np.int64]
    """Start of the first session by level, the end of time on a day without, shape (4,)."""
    closed: NDArray[np.bool_]
    """Schools of the partition that are closed by themselves, shape (m,)."""
    half_until_us: NDArray[np.int64]
    """When the half day of a school that has one by itself is over, the end of time elsewhere, shape (m,)."""
    event: NDArray[np.bool_]
    """Schools that have an event by themselves, shape (m,)."""

    @property
    def is_usual(self) -> bool:
        """Return whether no school has a day of its own."""
        return not (self.closed.any() or self.event.any() or (self.half_until_us < LAST_US).any())

    def shut(self, at_us: int) -> NDArray[np.bool_]:
        """Return which schools have no session any more, or none that day, by themselves, shape (m,)."""
        return self.closed | (at_us >= self.half_until_us)


@dataclass(frozen=True)
class Claims:
    """What devices are said to be, and what proves the opposite; k devices that have all of it."""

    slot: NDArray[np.intp]
    """Slot of the claim, shape (k,)."""
    proof: NDArray[np.intp]
    """Slots of `contradicted_by` of the same device, shape (proofs, k)."""


class Fold:
    """Constants of one partition's fold. It has no state: look-ups by day are kept, not decided."""

    def __init__(
        self,
        layout: Layout,
        rulebook: Rulebook,
        catalogue: Catalogue,
        calendar: SchoolCalendar,
        detector: Detector,
    ) -> None:
        self.layout = layout
        self.rulebook = rulebook
        self.catalogue = catalogue
        self.calendar = calendar
        self.detector = detector
        self.day_plan = lru_cache(maxsize=512)(self._day_plan)
        """`day_plan(local_day)`; see `DayPlan`."""
        self.half_hour = lru_cache(maxsize=4096)(self._half_hour)
        """`half_hour(time_us // QUARTER_US)`: half-hour of the local day, 0 to 47."""

    def initial_state(self) -> State:
        """Return the state before the first entry."""
        return initial_state(self.layout, self.detector, len(self.rulebook.parents), self.kins)

    def contexts(self, slot: NDArray[np.intp], time_us: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return what the school of each slot was doing at each time, shape (n,); see `Context`."""
        found = self.calendar.contexts(self.layout.level[slot], time_us)
        quarter, place = distinct(time_us // QUARTER_US)
        plans = [self.day_plan(self.calendar.local_day(q * QUARTER_US)) for q in quarter.tolist()]
        if all(plan.is_usual for plan in plans):
            return found
        at = place, self.layout.school[slot]
        inside = in_session(found)
        found[inside & np.stack([plan.event for plan in plans])[at]] = Context.EVENT
        found[inside & (time_us >= np.stack([plan.half_until_us for plan in plans])[at])] = Context.OUT
        found[np.stack([plan.closed for plan in plans])[at]] = Context.CLOSED
        return found

    def phases(self, context: NDArray[np.int8], time_us: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the slot of the day of each reading in its baseline's profile, shape (n,).

        In session the half-hours from 6:00 local time on, outside the hours of the day. A day without
        school and an exam day follow no usual profile: `NO_PHASE`.
        """
        quarter, place = distinct(time_us // QUARTER_US)
        half_hour = np.array([self.half_hour(q) for q in quarter.tolist()], np.int16)
        lesson = half_hour - SESSIONS_FROM
        phase = np.full((len(Context), len(quarter)), NO_PHASE, np.int16)
        phase[Context.OUT] = half_hour // 2
        phase[Context.SESSION] = np.where((lesson >= 0) & (lesson < PHASES), lesson, NO_PHASE)
        return phase[context, place]

    @cached_property
    def canary_series(self) -> int:
        """Series of the partition's canary; -1, which no series has, if the catalogue lacks its metric."""
        metric = self.catalogue.by_name.get((Stream.BANDWIDTH, CANARY_METRIC))
        return -1 if metric is None else canary_series(self.layout.partition, metric.id)

    @cached_property
    def stale_us(self) -> NDArray[np.int64]:
        """Age after which a slot's value no longer counts, shape (n,)."""
        return self.catalogue.stale_us[self.layout.metric_id].astype(np.int64)

    @cached_property
    def silence_slots(self) -> NDArray[np.intp]:
        """Slots that a silence rule watches."""
        return np.flatnonzero(self.rulebook.channels[Channel.SILENCE].exists[self.layout.metric_id])

    @cached_property
    def habit_places(self) -> NDArray[np.intp]:
        """Places among `silence_slots` of those whose rule asks what the school is used to."""
        return np.flatnonzero(self.rare_share[self.silence_slots] > 0)

    @cached_property
    def bell_slots(self) -> tuple[NDArray[np.intp], ...]:
        """Slots of registers whose rule asks what the school is used to, by level."""
        slots = self.silence_slots[self.habit_places]
        return tuple(slots[self.layout.level[slots] == i] for i in range(len(LEVELS)))

    @cached_property
    def rare_share(self) -> NDArray[np.float64]:
        """Share of sessions below which a wait is rare, 0 where no silence rule asks, shape (n,)."""
        share: NDArray[np.float64] = self.rulebook.channels[Channel.SILENCE].rare_share[self.layout.metric_id]
        return share

    @cached_property
    def stretch_us(self) -> NDArray[np.int64]:
        """Length of the stretch of a session in which a slot's arrivals are due, shape (n,)."""
        rules, metric = self.rulebook.channels[Channel.SILENCE], self.layout.metric_id
        length: NDArray[np.int64] = rules.session_until_us[metric] - rules.session_from_us[metric]
        return length

    @cached_property
    def shared_slots(self) -> tuple[NDArray[np.intp], ...]:
        """Slots of each metric that is judged less what schools share."""
        less = self.rulebook.channels[Channel.ANOMALY].less_shared
        return tuple(np.flatnonzero(self.layout.metric_id == m) for m in np.flatnonzero(less).tolist())

    @cached_property
    def line_slots(self) -> tuple[NDArray[np.intp], ...]:
        """Slots of each metric that is judged less what a provider's lines share, none without any."""
        less = np.flatnonzero(self.rulebook.channels[Channel.ANOMALY].less_provider)
        found = (np.flatnonzero(self.layout.metric_id == m) for m in less.tolist())
        return tuple(slots for slots in found if len(slots))

    @cached_property
    def full_bps(self) -> NDArray[np.float64]:
        """Value from which a slot says that its line is full, infinite where it never does, shape (n,)."""
        full: NDArray[np.float64] = FULL_SHARE * self.layout.contracted_bps
        return full

    @cached_property
    def rate_slots(self) -> NDArray[np.intp]:
        """Slots that say how full a line is."""
        return np.flatnonzero(np.isfinite(self.full_bps))

    @cached_property
    def standing_slots(self) -> NDArray[np.intp]:
        """Slots whose anomaly rule lets a reading that stands speak again."""
        return np.flatnonzero(self.rulebook.channels[Channel.ANOMALY].stands[self.layout.metric_id])

    @cached_property
    def clock_slots(self) -> NDArray[np.intp]:
        """For each slot the one that carries the clock of its device: of the clock rule's metric, -1 where no
        rule watches that stream of that device, shape (n,).
        """
        found, layout = np.full(len(self.layout), -1, np.intp), self.layout
        for metric_id in self.rulebook.channels[Channel.CLOCK].by_metric:
            of_stream = [m.id for m in self.catalogue.of_stream(self.catalogue.by_id[metric_id].stream)]
            slots = np.flatnonzero(np.isin(layout.metric_id, of_stream))
            found[slots] = layout.slots_of(layout.series[slots] & ~np.int32(MAX_METRIC_ID) | metric_id)
        return found

    @cached_property
    def clock_carriers(self) -> NDArray[np.intp]:
        """All slots that carry the clock of a device, rising."""
        return np.unique(self.clock_slots[self.clock_slots >= 0])

    @cached_property
    def clock_off_us(self) -> NDArray[np.int64]:
        """How far the clock of each slot's device may be off, `LAST_US` where no rule asks, shape (n,)."""
        off_us = self.rulebook.channels[Channel.CLOCK].off_us[self.layout.metric_id[self.clock_slots]]
        return np.where(self.clock_slots >= 0, off_us, LAST_US)

    @cached_property
    def chronic_channels(self) -> dict[str, Channel]:
        """Channels of the rules that a chronic rule names, by their names."""
        chronic = self.rulebook.channels[Channel.CHRONIC].by_metric.values()
        named = {name for rule in chronic if isinstance(rule, ChronicRule) for name in rule.of}
        found = [(r, c) for c in Channel for r in self.rulebook.channels[c].by_metric.values()]
        return {rule.name: channel for rule, channel in found if rule.name in named}

    @cached_property
    def chronic_watched(self) -> tuple[tuple[Channel, NDArray[np.intp]], ...]:
        """Each channel and metric of these rules, with the slots of devices that can be chronic."""
        found = []
        for name, channel in self.chronic_channels.items():
            ids = [m for m, r in self.rulebook.channels[channel].by_metric.items() if r.name == name]
            slots = np.flatnonzero(np.isin(self.layout.metric_id, ids))
            found.append((channel, slots[self.chronic_slots[slots] >= 0]))
        return tuple(found)

    @cached_property
    def chronic_slots(self) -> NDArray[np.intp]:
        """For each slot the one that carries its device's chronic alert, -1 where no rule names it, (n,)."""
        found, layout = np.full(len(self.layout), -1, np.intp), self.layout
        for metric_id, rule in self.rulebook.channels[Channel.CHRONIC].by_metric.items():
            names = rule.of if isinstance(rule, ChronicRule) else ()
            for channel in set(self.chronic_channels.values()):
                by_metric = self.rulebook.channels[channel].by_metric
                ids = [m for m, r in by_metric.items() if r.name in names]
                slots = np.flatnonzero(np.isin(layout.metric_id, ids))
                found[slots] = layout.slots_of(layout.series[slots] & ~np.int32(MAX_METRIC_ID) | metric_id)
        return found

    @cached_property
    def chronic_carriers(self) -> NDArray[np.intp]:
        """All slots that carry a device's chronic alert, rising."""
        return np.unique(self.chronic_slots[self.chronic_slots >= 0])

    @cached_property
    def joint_slots(self) -> NDArray[np.intp]:
        """Slots of `JOINT_METRICS`, the first of each, of the schools that have all, shape (3, schools)."""
        found = np.full((len(JOINT_METRICS), self.layout.schools), -1, np.intp)
        for row, name in enumerate(JOINT_METRICS):
            slots = np.flatnonzero(self.layout.metric_id == self.catalogue.named(name).id)[::-1]
            found[row, self.layout.school[slots]] = slots
        return found[:, (found >= 0).all(axis=0)]

    @cached_property
    def parent_slots(self) -> tuple[tuple[int, NDArray[np.intp]], ...]:
        """Channel and slots of each parent rule."""
        return tuple(
            (
                rule.channel_number,
                np.flatnonzero(self.layout.metric_id == self.catalogue.named(rule.metric).id),
            )
            for rule in self.rulebook.parents
        )

    @cached_property
    def claims(self) -> tuple[Claims, ...]:
        """Return the claims of each rule that can be contradicted."""
        found = []
        for metric_id, rule in self.rulebook.channels[Channel.THRESHOLD].by_metric.items():
            if isinstance(rule, ThresholdRule) and rule.contradicted_by:
                slot = np.flatnonzero(self.layout.metric_id == metric_id)
                device = self.layout.series[slot] >> np.int32(METRIC_BITS) << np.int32(METRIC_BITS)
                proofs = [self.catalogue.named(name).id for name in rule.contradicted_by]
                proof = np.array([self.layout.slots_of(device | np.int32(p)) for p in proofs])
                has_all = (proof >= 0).all(axis=0)
                found.append(Claims(slot[has_all], proof[:, has_all]))
        return tuple(found)

    @cached_property
    def metrics(self) -> tuple[tuple[int, str], ...]:
        """Id and name of each metric that the partition has and sums, in catalogue order.

        Counters are left out: their sum says how long devices have been running, and one that no device
        publishes is no gap in the coverage.
        """
        present = set(
            np.unique(self.layout.metric_id[~self.catalogue.is_counter[self.layout.metric_id]]).tolist()
        )
        return tuple((m.id, m.name) for m in self.catalogue.metrics if m.id in present)

    @cached_property
    def metric_place(self) -> NDArray[np.intp]:
        """Position of each slot's metric in `metrics`, their number where it is not summed, shape (n,)."""
        place = np.full(256, len(self.metrics), np.intp)
        for i, (metric_id, _) in enumerate(self.metrics):
            place[metric_id] = i
        return place[self.layout.metric_id]

    @cached_property
    def slots_of_pupils(self) -> tuple[tuple[Metric, NDArray[np.intp]], ...]:
        """Each metric that counts people of a school and is not open, with its slots."""
        return tuple(
            (m, np.flatnonzero(self.layout.metric_id == m.id))
            for m in self.catalogue.metrics
            if m.published in (Published.COUNT, Published.AREA) and m.unit == "count"
        )

    @cached_property
    def slots_of_wards(self) -> tuple[tuple[Metric, NDArray[np.intp], NDArray[np.intp]], ...]:
        """Each metric of `WARD_METRICS` that the partition has, with its slots and the wards of these."""
        shown = {name for _, name in self.metrics} & set(WARD_METRICS)
        found = [(m, np.flatnonzero(self.layout.metric_id == m.id)) for m in self.catalogue.metrics]
        return tuple(
            (metric, slots, self.layout.ward[self.layout.school[slots]])
            for metric, slots in found
            if metric.name in shown
        )

    @property
    def kins(self) -> int:
        """How many kins there are: metrics of the partition times school levels times baselines."""
        return len(self.metrics) * len(LEVELS) * BASELINES

    @cached_property
    def kin_of_cells(self) -> NDArray[np.intp]:
        """Kin of each cell, cells of the same metric, school level and baseline, shape (2 n,)."""
        base = (self.metric_place * len(LEVELS) + self.layout.level) * BASELINES
        return np.concatenate([base + inside for inside in range(BASELINES)])

    @cached_property
    def pupils_of_cells(self) -> NDArray[np.float64]:
        """Pupils of each cell's school where its metric grows with the school, else NaN, shape (2 n,)."""
        amounts = [m.id for m in self.catalogue.metrics if m.unit in AMOUNTS]
        pupils = np.maximum(self.layout.pupils[self.layout.school], 1).astype(np.float64)
        pupils[~np.isin(self.layout.metric_id, amounts)] = np.nan
        return np.tile(pupils, BASELINES)

    def _half_hour(self, quarter: int) -> int:
        local = datetime.fromtimestamp(quarter * (QUARTER_US // 1_000_000), self.calendar.timezone)
        return 2 * local.hour + local.minute // 30

    def _day_plan(self, day: date) -> DayPlan:
        first = np.full(len(LEVELS), LAST_US)
        for level in range(len(LEVELS)):
            sessions = self.calendar.sessions(level, day)
            if sessions:
                first[level] = sessions[0].start_us
        calendar, codes = self.calendar, self.layout.school_codes
        closed, half, event = (
            np.array([code in found for code in codes], np.bool_)
            for found in (
                calendar.closed_schools(day), calendar.half_day_schools(day), calendar.event_schools(day)
            )
        )  # fmt: skip
        until_us = np.full(len(codes), LAST_US)
        if half.any():
            ends_us = np.array([calendar.afternoon_us(level, day) for level in range(len(LEVELS))])
            until_us = np.where(half, ends_us[self._school_levels], LAST_US)
        return DayPlan(calendar.moment_us(day, time.min), first, closed, until_us, event)

    @cached_property
    def _school_levels(self) -> NDArray[np.intp]:
        """Level of each school of the partition that has a slot, shape (m,)."""
        found = np.zeros(len(self.layout.school_codes), np.intp)
        found[self.layout.school] = self.layout.level
        return found


def build_fold(
    fleet: Fleet,
    catalogue: Catalogue,
    calendar: SchoolCalendar,
    rules: tuple[Rule, ...],
    partition: int,
    partitions: int,
    detector: str = "ew",
    columns: FleetColumns | None = None,
) -> Fold:
    """Return the fold of one partition; see `lay_out` for `columns`."""
    return Fold(
        lay_out(fleet, catalogue, partition, partitions, columns),
        compile_rules(rules, catalogue),
        catalogue,
        calendar,
        detector_named(detector),
    )
