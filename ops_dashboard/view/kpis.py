"""The figures of the wall, each with coverage, target and past, from the sums of all partitions (pure)."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.figures.targets import Figure, Targets
from contract.fleet import PUPILS_UNKNOWN
from contract.live import Kpi
from contract.privacy import add_hidden, may_be_summed, shown_share, shown_sum
from ops_dashboard.view.past import Past

NOTHING = Kpi(expected=0, reporting=0, total=0.0)
METRIC_OF: Mapping[str, str] = {
    "connected": "online",
    "attendance": "present",
    "elearning": "active_users",
    "down_bps": "down_bps",
    "up_bps": "up_bps",
}
"""Whose coverage and age a figure has."""


class Tile(msgspec.Struct, frozen=True):
    """One figure of the wall."""

    value: float | None
    """The figure; None where it is unknown, may not be told, or nothing is expected."""
    reporting: int
    """Series that report."""
    expected: int
    """Series that should report now; 0 outside sessions."""
    latest_us: int = 0
    """Event time of the youngest value in it, µs since 1970; 0 without any."""
    priority: int | None = None
    """1 or 2 where it is past its target."""
    before: float | None = None
    """The figure at this time a week ago; None where it is not known."""
    usual: tuple[float, float] | None = None
    """The least and the most of the last weeks at this time; None while less than two are known."""
    withheld: bool = False
    """Whether it is known and not told, for it would tell of few pupils."""


class Affected(msgspec.Struct, frozen=True):
    """Pupils of schools with an open alert of priority 1 or 2."""

    pupils: int | None
    """None where nobody knows how many pupils schools have."""
    of: int
    """All pupils."""
    schools: int
    """Such schools."""
    priority: int | None
    """1 or 2 where it is past its target."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The figures that come from telemetry."""

    connected: Tile
    """Share of expected schools that are known to be online, 0 to 1."""
    attendance: Tile
    """Pupils present over enrolled in today's sessions, 0 to 1."""
    elearning: Tile
    """Learners active in the last five minutes."""
    down_bps: Tile
    up_bps: Tile


def add_kpis(parts: Iterable[Mapping[str, Kpi]]) -> dict[str, Kpi]:
    """Return each metric's sums over the partitions."""
    sums: dict[str, Kpi] = {}
    for part in parts:
        for name, kpi in part.items():
            before = sums.get(name, NOTHING)
            sums[name] = Kpi(
                expected=before.expected + kpi.expected,
                reporting=before.reporting + kpi.reporting,
                total=before.total + kpi.total,
                hidden=add_hidden(before.hidden, kpi.hidden),
            )
    return sums


def make_tiles(
    sums: Mapping[str, Kpi],
    coverage_min: float,
    targets: Targets | None = None,
    past: Past | None = None,
    latest_us: Callable[[str], int] = lambda _: 0,
    untold: Set[str] = frozenset(),
) -> Tiles:
    """Return the figures of the wall; one below `coverage_min` (0 to 1) has no value.

    Nor has one that would tell a small group of pupils of one school (`contract.privacy`).
    A school whose gateway says nothing is not counted as online, so silence never raises the share.

    Args:
        sums: by metric.
        coverage_min: share of expected series that must report.
        targets: what the figures should be.
        past: what they were.
        latest_us: event time of a metric's youngest value.
        untold: metrics whose sums may not be told, because of what else is.
    """
    online = sums.get("online", NOTHING)
    values = {
        "connected": online.total / online.expected if online.expected else None,
        "attendance": shown_share(sums.get("present", NOTHING), sums.get("enrolled", NOTHING)),
        **{
            name: shown_sum(sums.get(METRIC_OF[name], NOTHING))
            for name in ("elearning", "down_bps", "up_bps")
        },
    }
    known = past or Past()
    tiles = {}
    for name, value in values.items():
        kpi = sums.get(METRIC_OF[name], NOTHING)
        tile = _tile(kpi, None if METRIC_OF[name] in untold else value, coverage_min)
        usual = known.usual.get(name)
        is_untold = METRIC_OF[name] in untold or not may_be_summed(kpi.hidden)
        tiles[name] = msgspec.structs.replace(
            tile,
            latest_us=latest_us(METRIC_OF[name]),
            priority=_priority(targets or {}, name, tile.value, None if usual is None else usual[0]),
            before=known.before.get(name),
            usual=usual,
            withheld=is_untold and tile.value is None and _is_known(kpi, coverage_min),
        )
    return Tiles(**tiles)


def make_affected(
    states: str, pupils: NDArray[np.int64], schools: NDArray[np.bool_], targets: Targets | None = None
) -> Affected:
    """Return whom the alerts concern.

    Args:
        states: one character a school (`contract.live`).
        pupils: of each school.
        schools: those that are asked about.
        targets: what the figures should be.
    """
    letters = np.frombuffer(states.encode("ascii"), np.uint8)
    hit = schools & np.isin(letters, np.frombuffer(b"12", np.uint8))
    of, own = int(pupils[schools].sum()), int(pupils[hit].sum())
    is_known = of > int(schools.sum()) * PUPILS_UNKNOWN
    priority = _priority(targets or {}, Figure.AFFECTED, own / of if of else None, None)
    return Affected(own if is_known else None, of, int(hit.sum()), priority)


def _priority(targets: Targets, name: str, value: float | None, usual_least: float | None) -> int | None:
    target = targets.get(Figure(name)) if name in set(Figure) else None
    return None if target is None or value is None else target.priority(value, usual_least)


def _tile(kpi: Kpi, value: float | None, coverage_min: float) -> Tile:
    shown = value if _is_known(kpi, coverage_min) else None
    return Tile(value=shown, reporting=kpi.reporting, expected=kpi.expected)


def _is_known(kpi: Kpi, coverage_min: float) -> bool:
    return kpi.expected > 0 and kpi.reporting >= coverage_min * kpi.expected
