"""What is said of a school's line: online or not by quarter hours, kept or impaired, and its band."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.fleet import LEVELS, Level

Table = NDArray[np.float64]
"""A row a school, a column a quarter hour of the day, shape (schools, 96)."""
Column = NDArray[np.float64]
"""A number a school, shape (schools,)."""

QUARTER_MIN: Final = 15.0
QUARTERS: Final = 96
ADEQUATE_BPS: Final = 20e6
"""Least rate of an adequate line, bit/s. Source: UN Broadband Commission and ITU, targets for 2030."""
ADEQUATE_PUPIL_BPS: Final = 50e3
"""Least rate of an adequate line a pupil, bit/s. Source: as `ADEQUATE_BPS`."""
GOOD_DOWN_BPS: Final = {Level.PRESCHOOL: 100e6, Level.PRIMARY: 100e6}
GOOD_UP_BPS: Final = {Level.PRESCHOOL: 30e6, Level.PRIMARY: 30e6}
GOOD_SECONDARY_BPS: Final = 1e9
"""Both ways. Source: UK Department for Education, broadband internet standards for schools and colleges:
primary schools 100 Mbit/s down and 30 up, secondary schools 1 Gbit/s; preschools are taken as primary."""
EXCELLENT_PUPIL_BPS: Final = 1e6
"""Source: US FCC and SETDA, 1 Gbit/s for every 1,000 pupils."""
LOSS_BAD: Final = 0.01
"""Share of lost packets from which a line is impaired: chosen, TCP halves its rate again and again from
there on (Mathis et al., 1997: rate ~ 1/sqrt(loss)); voice and video conferences break up."""
BELOW_CONTRACT: Final = 0.9
"""A line that carries less than this share of its contracted rate is not full: losses are not of its load."""
IMPAIRED_SHARE: Final = 0.05
"""From this share of its measured minutes on a line does not carry what is contracted: chosen."""


class QuarterGrid(NamedTuple):
    """A day of one metric by school and quarter hour, as rolled up; each of shape (schools, 96)."""

    n: Table
    """Readings; 0 where there is none, and then the others are 0 as well."""
    sum: Table
    min: Table
    max: Table

    @property
    def mean(self) -> Table:
        """Mean of each quarter hour; NaN without a reading."""
        return np.where(self.n > 0, self.sum / np.maximum(self.n, 1), np.nan)


def online_quarters(online: QuarterGrid, was_down: NDArray[np.bool_]) -> tuple[Table, Table]:
    """Return minutes online and minutes offline of each quarter hour, both 0 to 15; the rest is unknown.

    A quarter hour with nothing but 1 is online as a whole. One with a 0 is online for a minute a reading of
    1, the cadence of `online`, and offline for the rest. One without a reading goes on with what the one
    before ended with if that was offline: the broker says so once, by the last will. A school that says
    nothing without having been said offline is unknown, not lost.

    Args:
        online: rollups of `online`.
        was_down: whether the last quarter hour with readings before the day had a 0, shape (schools,).
    """
    heard, had_zero = online.n > 0, (online.n > 0) & (online.min < 0.5)
    share = online.sum / np.maximum(online.n, QUARTER_MIN)
    up = np.where(had_zero, QUARTER_MIN * share, np.where(heard, QUARTER_MIN, 0.0))
    down = np.where(had_zero, QUARTER_MIN - up, 0.0)
    is_down = was_down.copy()
    for quarter in range(online.n.shape[1]):
        down[:, quarter] += np.where(~heard[:, quarter] & is_down, QUARTER_MIN, 0.0)
        is_down = np.where(heard[:, quarter], had_zero[:, quarter], is_down)
    return up, down


def impaired_quarters(down: QuarterGrid, loss: QuarterGrid, contracted_bps: Column) -> tuple[Table, Table]:
    """Return minutes in which a line was observed, and those of them in which it was impaired.

    Traffic is what a school asked for, no test of its line: a line that carries little is not slow. It is
    impaired where it loses packets although it carries less than is contracted.
    """
    seen = (down.n > 0) & (loss.n > 0)
    bad = seen & (np.nan_to_num(loss.mean) >= LOSS_BAD)
    bad &= np.nan_to_num(down.mean) < BELOW_CONTRACT * contracted_bps[:, None]
    return QUARTER_MIN * seen.astype(np.float64), QUARTER_MIN * bad.astype(np.float64)


def needed_bps(pupils: NDArray[np.int64]) -> Column:
    """Return the rate of an adequate line of each school, bit/s."""
    needed: Column = np.maximum(ADEQUATE_BPS, ADEQUATE_PUPIL_BPS * pupils)
    return needed


class Bands(NamedTuple):
    """Which lines are how good; each of shape (schools,)."""

    adequate: NDArray[np.bool_]
    good: NDArray[np.bool_]
    excellent: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    """Were seen to carry what is adequate."""


def bands(
    pupils: NDArray[np.int64],
    level_index: NDArray[np.int8],
    contracted_bps: tuple[Column, Column],
    peak_bps: tuple[Column, Column],
    impaired_share: Column,
) -> Bands:
    """Return the bands of lines by their rates.

    The rate of a line is the contracted one as long as no measurement speaks against it. That of an impaired
    line is what it was seen to carry at most.

    Args:
        pupils: of each school.
        level_index: of each school, see `contract.fleet.LEVELS`.
        contracted_bps: down and up.
        peak_bps: greatest traffic in session, down and up.
        impaired_share: share of measured minutes in which the line was impaired, 0 to 1.
    """
    is_kept = impaired_share < IMPAIRED_SHARE
    down, up = (np.where(is_kept, c, np.minimum(c, p)) for c, p in zip(contracted_bps, peak_bps, strict=True))
    good_down = np.array([GOOD_DOWN_BPS.get(level, GOOD_SECONDARY_BPS) for level in LEVELS])[level_index]
    good_up = np.array([GOOD_UP_BPS.get(level, GOOD_SECONDARY_BPS) for level in LEVELS])[level_index]
    need = needed_bps(pupils)
    return Bands(
        down >= need,
        (down >= good_down) & (up >= good_up),
        down >= EXCELLENT_PUPIL_BPS * pupils,
        peak_bps[0] >= need,
    )
