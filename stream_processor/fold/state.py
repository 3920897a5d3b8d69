"""What the fold of one partition remembers: columns only, so that copying and keeping it is cheap."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly.detector import Columns, Detector
from contract.alert import CHANNELS
from contract.fleet import LEVELS
from contract.live import Canary
from contract.special_days.history import PARTS
from stream_processor.fold.layout import Layout
from stream_processor.fold.unrest.flapping import Unrests
from stream_processor.fold.unrest.spells import Spells

NEVER_US: Final = int(np.iinfo(np.int64).min)
"""A time before all times: nothing came yet."""
NO_SKEW: Final = int(np.iinfo(np.int64).min)
"""A skew below all skews: nothing came yet."""
WAITS: Final = 11
"""Steps of how long a session lets one wait; see `habits`."""
NOT_DUE: Final = 255
"""`State.longest` while nothing is due."""
BASELINES: Final = 2
"""Baselines a series: outside and inside school hours."""
USUAL, SEEN, MOVED = 0, 1, 2
"""Rows of `State.bells`."""
_NOT_OF_SLOTS: Final = frozenset(
    {"parent_open", "parent_told", "session_from_us", "bells", "begun_us", "waited_for", "not_begun", "kin"}
)


class Said(NamedTuple):
    """What was said of a series about its mark and the times after it."""

    newest_us: int
    """Measured time of the newest judged reading: the mark, or a later one."""
    words: dict[int, tuple[float, ...]]
    """All words about each time, in the order in which they came first."""


@dataclass(eq=False)
class State:
    """Everything that the past says to the fold; n slots, m schools, c channels, p parent rules."""

    mark_us: NDArray[np.int64]
    """Greatest measured time taken in, `NEVER_US` if none, shape (n,): the high-water mark of a series. Times
    ahead of the log wait in `said` until they have come; 0 where nothing else came."""
    value: NDArray[np.float64]
    """Value of the newest judged reading, NaN if none, shape (n,): at the mark, or ahead of it."""
    arrival_us: NDArray[np.int64]
    """Log time of the last arrival of any reading, `NEVER_US` if none, shape (n,)."""
    news_us: NDArray[np.int64]
    """Log time at which the mark last moved, `NEVER_US` if never, shape (n,)."""
    is_open: NDArray[np.bool_]
    """Where an alert is open, shape (c, n)."""
    run: NDArray[np.uint8]
    """Readings in a row that speak for a change (to open, or to resolve), at most 255; where the rule has a
    window, one bit for each of its last readings, the newest lowest; shape (c, n)."""
    since_us: NDArray[np.int64]
    """Opening of the open alert; if none is open, start of the run, shape (c, n)."""
    priority: NDArray[np.uint8]
    """Priority at the opening, shape (c, n)."""
    still: NDArray[np.float32]
    """Share of readings that repeated the one before, forgetting by readings; 1 at first, shape (n,)."""
    z: NDArray[np.float32]
    """Deviations of the newest reading from its series' past, NaN where unknown, shape (n,)."""
    part_sum: NDArray[np.float32]
    """Sum of a value over the looks of the session that goes on, shape (n,); of slots that say how much a
    school is online, as the next; see `emptiness`."""
    looks: NDArray[np.uint8]
    """Looks of that session that count, at most 255, shape (n,)."""
    left: NDArray[np.float32]
    """What the last look left of the session's logarithm once its usual one and what schools share are taken
    off, NaN while not known, shape (n,); of slots of `Fold.joint_slots`, as the next two."""
    usual_log: NDArray[np.float32]
    """Logarithm of a session's mean, or of its register, as it usually is by part of the day, shape
    (parts, n)."""
    usual_days: NDArray[np.uint8]
    """Sessions of each part of the day that it is known from, 0 if it is not, shape (parts, n)."""
    closed_us: NDArray[np.int64]
    """Event time at which the anomaly alert last resolved, `NEVER_US` if never, shape (n,)."""
    event_us: NDArray[np.int64]
    """Event time of the newest judged reading, `NEVER_US` if none, shape (n,); it only rises."""
    skew: NDArray[np.int64]
    """Greatest (measured - arrival) of a device since the last look at its clock, whole seconds, and in the
    low 32 bits the log time of the last that showed it, seconds since 1970; `NO_SKEW` if nothing came, shape
    (n,); of slots that carry a clock, as the next two."""
    seen_skew: NDArray[np.int64]
    """The same as the last look found it; `NO_SKEW` before the first."""
    clock_is_right: NDArray[np.bool_]
    """Where a look found the clock right and none has found it wrong since, shape (n,)."""
    shared: NDArray[np.float32]
    """What of a slot's value is its level's and its cluster's today, or its provider's now, by the last look;
    NaN while not known, while a line is full, and for metrics of which nothing is taken out, shape (n,);
    infinite where a provider's is news. See `shared`, `providers`."""
    days: NDArray[np.uint8]
    """Local days on which a value came, since its level last began anew, at most 255, shape (n,); of slots
    that are judged less what schools or lines share; see `shared`."""
    waited_us: NDArray[np.int64]
    """Time without an arrival in which one was due, up to the last tick, shape (n,); of slots whose rule asks
    for habits, as the next two; see `habits`."""
    longest: NDArray[np.uint8]
    """Step of the longest wait in the present session, whether anything came in it and whether it then stayed
    away, `NOT_DUE` outside, shape (n,)."""
    habit: NDArray[np.float16]
    """Sessions by the step of their longest wait, forgetting by sessions, shape (WAITS, n)."""
    gaps: NDArray[np.float16]
    """Sessions in which what came went on coming, and in which it stayed away, forgetting by sessions, shape
    (2, n)."""
    parent_open: NDArray[np.bool_]
    """Where a school had an open alert of a parent rule at the last tick, shape (p, m)."""
    parent_told: NDArray[np.bool_]
    """… one that is not withheld, shape (p, m)."""
    session_from_us: NDArray[np.int64]
    """Log time since which each level is in session, `NEVER_US` if it is not, shape (4,)."""
    bells: NDArray[np.float64]
    """How long after the calendar's bell a session usually begins, s; sessions that told, and how much later
    the last one began than is usual, s, 0 where as usual; shape (3, 4, parts of the day); see `bells`."""
    begun_us: NDArray[np.int64]
    """Bell of the last session of each level that has begun, `NEVER_US` if none, shape (4,)."""
    waited_for: NDArray[np.bool_]
    """Where the bell has rung, no session of the level has begun since, and schools are known that could
    begin one, shape (4,)."""
    not_begun: NDArray[np.bool_]
    """… for so long that it is news, shape (4,)."""
    kin: NDArray[np.float64]
    """What similar schools are like: level, deviation between and within them, NaN where unknown, shape
    (3, kins); see `newcomers` and `Fold.kin_of_cells`."""
    detector: Columns
    """The detector's memory: 2 n cells, first all baselines outside school hours, then all inside."""
    unrests: Unrests = field(default_factory=dict)
    """Alerts that opened or resolved lately; see `flapping`."""
    spells: dict[int, Spells] = field(default_factory=dict)
    """When devices were bad of late, by the slot that carries a device's chronic alert; see `chronic`."""
    withheld: set[tuple[int, int]] = field(default_factory=set)
    """Channel and slot of open alerts that nobody was told of, for they are usual; see `chronic`."""
    now_us: int = 0
    """Log time of the last entry."""
    tick_us: int = NEVER_US
    """Log time of the last tick."""
    silence_from_us: int = 0
    """Silence is counted from here at the earliest: the first tick, or the first after a gap in the log."""
    ticks_steadily: bool = False
    """Whether the last two ticks were no gap apart: only a log that ran can stand still."""
    gap_since_us: int = NEVER_US
    """Opening of the open `log_gap` alert: the last tick before the gap; `NEVER_US` if none is open."""
    gap_until_us: int = NEVER_US
    """The first tick after the last gap."""
    deaf_since_us: int = NEVER_US
    """The first of the deaf ticks up to now, `NEVER_US` while ingest hears."""
    feed_is_down: bool = False
    """Whether the `feed_down` alert is open."""
    troubles: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Open alerts of what ticks tell, by rule: opening and last mention; replaced, never written to."""
    off_calendar_us: int = NEVER_US
    """Opening of the open `off_calendar` alert, `NEVER_US` if none is open."""
    canary: Canary | None = None
    """The newest reading of the partition's canary."""
    kin_hour: int = 0
    """Hour of log time (µs // 3,600,000,000) in which `kin` was last looked at; 0 before the first tick."""
    kpi_minute: int = 0
    """Minute of log time (µs // 60,000,000) that is not yet written; 0 before the first tick."""
    said: dict[int, Said] = field(default_factory=dict)
    """Words about times from the mark on, by slot, where mark and value do not tell them; replaced, never
    changed; see `words`."""

    def copy(self) -> "State":
        """Return a state with columns of its own."""
        own: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        copied: dict[str, Any] = {k: v.copy() for k, v in own.items() if isinstance(v, np.ndarray)}
        copied |= {"unrests": dict(self.unrests), "spells": dict(self.spells), "withheld": set(self.withheld)}
        copied["detector"] = {k: v.copy() for k, v in self.detector.items()}
        copied["said"] = dict(self.said)
        return replace(self, **copied)

    @property
    def nbytes(self) -> int:
        """Bytes in all columns."""
        return sum(column.nbytes for column in slot_columns(self).values()) + 2 * self.parent_open.nbytes


def initial_state(layout: Layout, detector: Detector, parents: int, kins: int) -> State:
    """Return the state of a partition that has heard nothing."""
    n = len(layout)
    return State(
        mark_us=np.full(n, NEVER_US),
        value=np.full(n, np.nan),
        arrival_us=np.full(n, NEVER_US),
        news_us=np.full(n, NEVER_US),
        is_open=np.zeros((CHANNELS, n), np.bool_),
        run=np.zeros((CHANNELS, n), np.uint8),
        since_us=np.zeros((CHANNELS, n), np.int64),
        priority=np.zeros((CHANNELS, n), np.uint8),
        still=np.ones(n, np.float32),
        z=np.full(n, np.nan, np.float32),
        part_sum=np.zeros(n, np.float32),
        looks=np.zeros(n, np.uint8),
        left=np.full(n, np.nan, np.float32),
        usual_log=np.zeros((PARTS, n), np.float32),
        usual_days=np.zeros((PARTS, n), np.uint8),
        closed_us=np.full(n, NEVER_US),
        event_us=np.full(n, NEVER_US),
        skew=np.full(n, NO_SKEW),
        seen_skew=np.full(n, NO_SKEW),
        clock_is_right=np.zeros(n, np.bool_),
        shared=np.full(n, np.nan, np.float32),
        days=np.zeros(n, np.uint8),
        waited_us=np.zeros(n, np.int64),
        longest=np.full(n, NOT_DUE, np.uint8),
        habit=np.zeros((WAITS, n), np.float16),
        gaps=np.zeros((2, n), np.float16),
        parent_open=np.zeros((parents, layout.schools), np.bool_),
        parent_told=np.zeros((parents, layout.schools), np.bool_),
        session_from_us=np.full(len(LEVELS), NEVER_US),
        bells=np.zeros((3, len(LEVELS), PARTS)),
        begun_us=np.full(len(LEVELS), NEVER_US),
        waited_for=np.zeros(len(LEVELS), np.bool_),
        not_begun=np.zeros(len(LEVELS), np.bool_),
        kin=np.full((3, kins), np.nan),
        detector=detector.empty(BASELINES * n),
    )


def slot_columns(state: State) -> dict[str, NDArray[Any]]:
    """Return every column of the state whose last axis is slots (or cells), as views of shape (k, n)."""
    n = len(state.mark_us)
    named = {
        f.name: getattr(state, f.name)
        for f in fields(state)
        if f.name not in _NOT_OF_SLOTS and isinstance(getattr(state, f.name), np.ndarray)
    }
    named |= {f"detector.{k}": v for k, v in state.detector.items()}
    return {name: column.reshape(column.size // n if n else 1, n) for name, column in named.items()}
