"""The four figures of the wall, each with its coverage, from the sums of all partitions (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from contract.live import Kpi
from contract.privacy import add_hidden, shown_share, shown_sum

NOTHING = Kpi(expected=0, reporting=0, total=0.0)


class Tile(msgspec.Struct, frozen=True):
    """One figure of the wall."""

    value: float | None
    """The figure; None where it is unknown or nothing is expected."""
    reporting: int
    """Series that report."""
    expected: int
    """Series that should report now; 0 outside sessions."""


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


def make_tiles(sums: Mapping[str, Kpi], coverage_min: float) -> Tiles:
    """Return the figures of the wall; one below `coverage_min` (0 to 1) has no value.

    Nor has one that would tell a small group of pupils of one school (`contract.privacy`).
    A school whose gateway says nothing is not counted as online, so silence never raises the share.
    """
    online = sums.get("online", NOTHING)
    present, enrolled = sums.get("present", NOTHING), sums.get("enrolled", NOTHING)
    share_online = online.total / online.expected if online.expected else None
    return Tiles(
        connected=_tile(online, share_online, coverage_min),
        attendance=_tile(present, shown_share(present, enrolled), coverage_min),
        elearning=_sum_tile(sums.get("active_users", NOTHING), coverage_min),
        down_bps=_sum_tile(sums.get("down_bps", NOTHING), coverage_min),
        up_bps=_sum_tile(sums.get("up_bps", NOTHING), coverage_min),
    )


def _sum_tile(kpi: Kpi, coverage_min: float) -> Tile:
    return _tile(kpi, shown_sum(kpi), coverage_min)


def _tile(kpi: Kpi, value: float | None, coverage_min: float) -> Tile:
    known = kpi.expected > 0 and kpi.reporting >= coverage_min * kpi.expected
    return Tile(value=value if known else None, reporting=kpi.reporting, expected=kpi.expected)
