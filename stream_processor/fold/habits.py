"""What a school is used to: how long its registers let one wait, learnt school by school.

A register is late, or does not come at all, in every school at times, in some once a year and in some once
a week. So a wait is news only where this school has hardly ever let one wait as long. *Waited* is the time
without an arrival in which one was due, over the ends of sessions: a register that did not come in the
morning has waited an hour when the afternoon begins. It stands still while the school could not have sent
anything, because its line or its gateway is known to be dead, and while the center itself heard nothing.

Each session counts once, by the longest wait in it, in steps of the stretch in which a register is due
(`EDGES`); one in which nothing came is counted together with those after it when something has, so an
outage of weeks is one odd session and no habit. A reader that dies after its first word has sent something
that session: a wait that is half a stretch long when its session ends goes on in the next one (`GOES_ON`).

From n sessions of a school, of which m waited as long, and its kin's share s the chance of such
a wait is

    (m + 4 s) / (n + 4)

so a new school is judged by its kin and an old one by itself. The kin's share is that of all sessions of the
schools of its level in the partition, taken in the same way with `ASSUMED` for `ASSUMED_SESSIONS`: in a city
of twenty schools of a level the first days show no wait that is rare, and prove nothing of it. Fewer than
`LEAST_KIN` schools are no kin. Sessions are forgotten over some `REMEMBERED`.

A reader that sends every ten minutes and falls silent in the middle of a session is no late register, and
none that was not submitted: in which sessions a register came and then stayed away for as long as `GAP`, is
a habit of its own, with the kin's share as above. Who sends once a session has such a gap in each. A school
is asked for it once it has shown `KIN_SESSIONS` sessions, for the kin may send otherwise than it does.

What has waited since an earlier session is missed when this session's wait alone is as rare, or when this
session passes without a register too: one that did not come at noon and is late the next morning is two
habits of its school that met, and no fault.

*Together.* Until half of a level's schools have sent a register none is missed: what they wait for is shared
and told once (`sessions.bells`). Such a session, if nothing comes in it at all, was none and is not counted.

It crosses series, so it happens at ticks.

Source:
    Beta-binomial shrinkage: E. L. Lehmann, G. Casella, "Theory of Point Estimation", 2nd ed., 1998, 4.1.
    Registers of New York's schools not submitted, March 2013 to June 2015 (NYC DOE): 2.6 % of days, half of
    the schools below 0.3 % and one in twenty above 12 %, after a day without one 39 %.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel
from contract.fleet import LEVELS
from stream_processor.fold.constants import Fold
from stream_processor.fold.newcomers import LEAST_KIN
from stream_processor.fold.sessions.bells import is_dark
from stream_processor.fold.state import NEVER_US, NOT_DUE, State

Floats = NDArray[np.float64]

EDGES: Final = 0.95 * np.array([1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1.0, 1.5, 2.0, 3.0, 4.0])
"""Waits from which on a session belongs to the next step, in stretches; a twentieth less, for ticks."""
WHOLE: Final = 6
"""Step from which on all of a stretch was waited."""
ASSUMED: Final = np.array([1.0, 0.3, 0.2, 0.12, 0.08, 0.05, 0.026, 0.018, 0.01, 0.005, 0.001])
"""Share of sessions that wait for at least each step, until a kin is known. From one whole stretch on New
York's; below it nothing is published, so chosen, and the last, so that a register that never came at all is
missed."""
KIN_SESSIONS: Final = 4.0
"""Sessions that the kin's share weighs in a school's. Fitted: shares of New York's schools differ as a beta
distribution whose parameters sum to 4.2."""
ASSUMED_SESSIONS: Final = 20.0
"""Sessions that `ASSUMED` weighs in a kin's. Chosen on New York's schools begun anew every 24 days, twenty of
a kin: 3.1 are told in 1,000 days where 4 sessions, as a school has, tell 4.4; large kins tell the same."""
REMEMBERED: Final = 240.0
"""Sessions after which one weighs 1/e: half a year of mornings and afternoons; chosen."""
GOES_ON: Final = 0.5
"""Stretches that a wait has lasted when its session ends, from which on it goes on in the next one: chosen,
readers send every ten minutes, so a working one is far below it."""
CAME: Final = 64
"""Bit of `State.longest` while something came in the session."""
GAP: Final = EDGES[3]
"""Stretches that a wait after the session's first word has lasted from which on it is a gap: of readers that
send every ten minutes three messages in a row. Where 1.3 % are lost (netrics), two in a row are missing in
one of twelve hundred sessions, three in one of a hundred thousand."""
GAPPED: Final = 32
"""Bit of `State.longest` once there was one."""
MARKS: Final = np.uint8(CAME | GAPPED)
ASSUMED_GAP: Final = np.array([1.0, 0.01])
"""Share of sessions with at least no gap and one, until a kin is known: chosen, so that a kin tells nothing
before eighty sessions without any."""


def follow_waits(
    fold: Fold,
    state: State,
    begins_us: NDArray[np.int64],
    is_due: NDArray[np.bool_],
    before_us: int,
    at_us: int,
) -> NDArray[np.bool_]:
    """Let waits go on to a tick, count sessions that are over; return where an alert must wait, shape (k,).

    Args:
        fold: the fold.
        state: written to; the caller owns it.
        begins_us: since when arrivals are due, by `fold.silence_slots`, shape (k,).
        is_due: where they are due now, shape (k,).
        before_us: log time of the last tick, `NEVER_US` for none.
        at_us: log time of this one.
    """
    waits = np.zeros(len(is_due), np.bool_)
    place = fold.habit_places
    if not len(place):
        return waits
    waits[place] = True
    slot = fold.silence_slots[place]
    due = is_due[place] & ~fold.day_plan(fold.calendar.local_day(at_us)).shut(at_us)[fold.layout.school[slot]]
    asked = due & ~is_dark(fold, state, slot)
    together = state.waited_for[fold.layout.level[slot]]
    _wait(state, slot, asked, begins_us[place], before_us, at_us)
    silent = (at_us - np.maximum(state.arrival_us[slot], begins_us[place])) / fold.stretch_us[slot]
    none_comes = asked & together & (silent >= EDGES[WHOLE - 1])
    state.waited_us[slot[none_comes]] = 0
    step = _step_of(state.waited_us[slot] / fold.stretch_us[slot])
    came = due & (state.arrival_us[slot] >= begins_us[place])
    gap = asked & came & (state.waited_us[slot] >= GAP * fold.stretch_us[slot])
    _count_sessions(fold, state, slot, due, step, (CAME * came | GAPPED * gap).astype(np.uint8), none_comes)
    late = np.flatnonzero(asked & (silent >= EDGES[0]) & ~state.is_open[Channel.SILENCE, slot])
    if len(late):
        is_rare = _waits_rarely(fold, state, slot, late, step[late], silent[late])
        if gap[late].any():
            is_rare |= gap[late] & _breaks_off_rarely(fold, state, slot, late)
        waits[place[late]] = ~is_rare | together[late]
    return waits


def _waits_rarely(
    fold: Fold,
    state: State,
    slot: NDArray[np.intp],
    late: NDArray[np.intp],
    step: NDArray[np.uint8],
    silent: Floats,
) -> NDArray[np.bool_]:
    """Return where a wait is rare, that of this session alone, too; for the schools at `late`, shape (n,)."""
    own = _own_shares(fold, slot, late, state.habit, ASSUMED)
    one, rare = np.arange(len(late)), fold.rare_share[slot[late]]
    of_session = (own[_step_of(silent), one] <= rare) | (silent >= EDGES[WHOLE - 1])
    found: NDArray[np.bool_] = (own[step, one] <= rare) & of_session
    return found


def _breaks_off_rarely(
    fold: Fold, state: State, slot: NDArray[np.intp], late: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return where gaps are rare, in a school that has shown so; for the schools at `late`, shape (n,)."""
    shown = state.gaps[:, slot[late]].sum(axis=0, dtype=np.float64) >= KIN_SESSIONS
    gaps = _own_shares(fold, slot, late, state.gaps, ASSUMED_GAP)[1]
    found: NDArray[np.bool_] = shown & (gaps <= fold.rare_share[slot[late]])
    return found


def _step_of(stretches: Floats) -> NDArray[np.uint8]:
    """Return the step of each wait, given in stretches, shape (n,)."""
    return np.searchsorted(EDGES, stretches, side="right").astype(np.uint8)


def _wait(
    state: State,
    slot: NDArray[np.intp],
    asked: NDArray[np.bool_],
    begins_us: NDArray[np.int64],
    before_us: int,
    at_us: int,
) -> None:
    """Add the time since the last tick where something is due, or since the arrival if one came."""
    arrival_us = state.arrival_us[slot]
    came = (arrival_us >= before_us) & (arrival_us != NEVER_US)
    since_us = np.maximum(np.where(came, arrival_us, before_us), begins_us)
    heard = asked & (state.silence_from_us < at_us)
    more_us = np.where(heard, at_us - since_us, 0)
    state.waited_us[slot] = np.where(came, 0, state.waited_us[slot]) + more_us


def _count_sessions(
    fold: Fold,
    state: State,
    slot: NDArray[np.intp],
    due: NDArray[np.bool_],
    step: NDArray[np.uint8],
    marks: NDArray[np.uint8],
    none_comes: NDArray[np.bool_],
) -> None:
    """Keep the longest wait of sessions that go on; count those that are over and in which something came."""
    so_far = np.where(state.longest[slot] == NOT_DUE, 0, state.longest[slot]).astype(np.uint8)
    longest = np.maximum(so_far & ~MARKS, step) | (so_far & MARKS) | marks
    longest = np.where(due, longest, state.longest[slot]).astype(np.uint8)
    state.longest[slot] = np.where(none_comes, NOT_DUE, longest)
    ended = ~due & (longest != NOT_DUE) & (longest & CAME > 0)
    over, waited = slot[ended], longest[ended] & ~MARKS
    for counted, which in (
        (state.habit, waited),
        (state.gaps, (longest[ended] & GAPPED > 0).astype(np.uint8)),
    ):
        counted[:, over] *= np.float16(1.0 - 1.0 / REMEMBERED)
        counted[which, over] += np.float16(1.0)
    goes_on = state.waited_us[over] >= GOES_ON * fold.stretch_us[over]
    state.longest[over], state.waited_us[over] = NOT_DUE, np.where(goes_on, state.waited_us[over], 0)


def _own_shares(
    fold: Fold, slot: NDArray[np.intp], late: NDArray[np.intp], counted: NDArray[np.float16], assumed: Floats
) -> Floats:
    """Return what is usual for the schools at `late`, by themselves and their level, shape (steps, n).

    Args:
        fold: the fold.
        slot: of all schools, shape (k,).
        late: places in `slot`, shape (n,).
        counted: sessions by step and slot.
        assumed: what is usual until a kin is known, shape (steps,).
    """
    level = fold.layout.level[slot]
    kin = np.tile(assumed, (len(LEVELS), 1))
    for one in np.unique(level[late]).tolist():
        peers = slot[level == one]
        if len(peers) >= LEAST_KIN:
            every = counted[:, peers].sum(axis=1, dtype=np.float64)
            kin[one] = _shares(every[:, None], assumed[:, None], ASSUMED_SESSIONS)[:, 0]
    return _shares(counted[:, slot[late]], kin[level[late]].T, KIN_SESSIONS)


def _shares(sessions: NDArray[np.floating], kin: Floats, weight: float) -> Floats:
    """Return which share waited for at least each step, the kin's weighing so many sessions, (steps, n)."""
    at_least = np.cumsum(sessions[::-1].astype(np.float64), axis=0)[::-1]
    shares: Floats = (at_least + weight * kin) / (at_least[0] + weight)
    return shares
