"""History out of the database through the fold, for `eduops rules`; nothing is written anywhere."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from config.files import Configuration
from contract.canary import SYSTEM_SCHOOL_ID
from contract.clock import parse_at
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from device_simulator.world.faults import parse_duration_s
from evaluation.rewind.entries import (
    QUARTER_US,
    SECOND_US,
    Liveness,
    Quarters,
    Stretch,
    deaf_stretches,
    quarter_readings,
    spans,
    tick_times,
)
from evaluation.rewind.fold import Side, Surroundings, choose_schools, take, watched_series
from evaluation.rewind.report import RewindTerms
from storage.database import connect
from storage.fleet import load_fleet
from storage.history import (
    only_read,
    raw_since,
    read_quarters,
    read_raw,
    ticked_minutes,
    transitions_of_school,
)
from storage.special_days.days import load_special_days

HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
TELL_EVERY_S: Final = 5.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which history is folded, as the command line says it."""

    from_: str | None = None
    """Local time of the schools; 24 h before `to` if None."""
    to: str | None = None
    """Log time now if None."""
    learn: str = "14d"
    """How long before `from_` the baselines learn, as far as history is kept."""
    schools: tuple[str, ...] = ()
    cluster: str = ""
    sample: int = 0
    operators: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """What history there was."""

    readings: int
    """Readings and quarter-hour means that were folded, once, however many sets of rules."""
    raw_us: int | None
    """From when on they were raw; None if none were."""
    first_us: int
    """The first of them: where learning began."""
    read_s: float
    fold_s: float


@dataclass(frozen=True, slots=True)
class Rewound:
    """Sets of rules after all of the history that was asked for."""

    world: Surroundings
    terms: RewindTerms
    sides: Sequence[Side]
    kept: Kept


async def rewind(
    database_url: str,
    now_us: int,
    configuration: Configuration,
    asked: Asked,
    make_sides: Callable[[Surroundings], Sequence[Side]],
    tell: Tell,
) -> Rewound:
    """Fold the history that is kept under several sets of rules, each row read once.

    Args:
        database_url: PostgreSQL of the running system.
        now_us: log time now, µs since 1970.
        configuration: the system's metrics and calendar; what was accepted since is added.
        asked: which history.
        make_sides: what is folded.
        tell: takes a line for the person who waits.

    Raises:
        ConfigurationError: what is asked makes no sense, or nothing is kept of it.
        InfrastructureError: the database is out of reach.
    """
    learn_us, terms = _terms(now_us, configuration, asked)
    async with await connect(database_url, "eduops-rules") as conn:
        await only_read(conn)
        fleet = await load_fleet(conn)
        if fleet is None:
            raise ConfigurationError("the database has no fleet: run `eduops up` first")
        days = await load_special_days(conn)
        configuration = replace(configuration, calendar=configuration.calendar.with_days(days, fleet))
        world = _world(fleet, configuration, asked)
        sides = make_sides(world)
        kept = await _follow(conn, sides, learn_us, terms, _teller(configuration, tell))
    return Rewound(world, terms, sides, kept)


def _terms(now_us: int, configuration: Configuration, asked: Asked) -> tuple[int, RewindTerms]:
    """Return where learning begins, µs since 1970, and the stretch that is counted."""
    zone = configuration.calendar.timezone.key
    try:
        learn_us = round(parse_duration_s(asked.learn) * SECOND_US)
    except ValueError as error:
        raise ConfigurationError(f"--learn: {error}") from error
    until, since = parse_at(asked.to, zone, "--to"), parse_at(asked.from_, zone, "--from")
    to_us = now_us if until is None else round(until.timestamp() * SECOND_US)
    from_us = to_us - DAY_US if since is None else round(since.timestamp() * SECOND_US)
    if from_us >= to_us:
        raise ConfigurationError("--from must lie before --to (and before now, without --to)")
    return from_us - learn_us, RewindTerms(from_us, to_us, asked.operators)


def _world(fleet: Fleet, configuration: Configuration, asked: Asked) -> Surroundings:
    chosen, factor = choose_schools(fleet, asked.schools, asked.cluster, asked.sample)
    return Surroundings(chosen, configuration.catalogue, configuration.calendar, factor)


async def _follow(
    conn: AsyncConnection[Any], sides: Sequence[Side], learn_us: int, terms: RewindTerms, progress: "Progress"
) -> Kept:
    series = watched_series(sides)
    raw_us = await raw_since(conn)
    border_us = terms.to_us if raw_us is None else min(max(raw_us, learn_us), terms.to_us)
    readings, first_us, read_s, fold_s, counted = 0, terms.to_us, 0.0, 0.0, 0
    begun_s = time.monotonic()
    async for stretch in _stretches(conn, series, (learn_us, border_us), terms):
        read_s, begun_s = read_s + time.monotonic() - begun_s, time.monotonic()
        take(sides, stretch)
        fold_s, begun_s = fold_s + time.monotonic() - begun_s, time.monotonic()
        if len(stretch.readings):
            first_us = min(first_us, int(stretch.readings.time_us[0]))
        readings += len(stretch.readings)
        counted += int((stretch.readings.time_us >= terms.from_us).sum())
        progress(stretch.to_us, readings)
    if not counted:
        raise ConfigurationError(
            "nothing is kept of these schools in that stretch: name one within what is kept with --from and"
            " --to (raw readings are kept for `raw_retention_h`, quarter hours for 90 days), or wait until"
            " the system has run for a while"
        )
    return Kept(readings, border_us if border_us < terms.to_us else None, first_us, read_s, fold_s)


async def _stretches(
    conn: AsyncConnection[Any], series: NDArray[np.int32], kept_us: tuple[int, int], terms: RewindTerms
) -> AsyncIterator[Stretch]:
    """Yield quarter hours between the moments `kept_us`, and raw readings from there to the end."""
    (learn_us, border_us), to_us = kept_us, terms.to_us
    for begin_us, end_us in spans(learn_us, border_us, DAY_US):
        found = await read_quarters(conn, series, begin_us, end_us)
        quarters = Quarters(found.time_us, found.series, found.n, found.mean, found.max - found.min)
        readings = quarter_readings(quarters, terms.from_us)
        every = np.arange(-(-begin_us // QUARTER_US) * QUARTER_US, end_us, QUARTER_US, dtype=np.int64)
        if len(readings):
            yield Stretch(readings, every, end_us)
    told = await transitions_of_school(conn, SYSTEM_SCHOOL_ID, border_us, to_us)
    minutes = await ticked_minutes(conn, border_us, to_us)
    live = Liveness(minutes, deaf_stretches(told))
    for begin_us, end_us in spans(border_us, to_us, HOUR_US):
        readings = await read_raw(conn, series, begin_us, end_us)
        yield Stretch(readings, tick_times(begin_us, end_us, live), end_us)


Progress = Callable[[int, int], None]
"""Takes how far history is folded, µs since 1970, and the readings so far."""


def _teller(configuration: Configuration, tell: Tell) -> Progress:
    """Return what tells how far it is, every few seconds."""
    from datetime import datetime

    begun_s = told_s = time.monotonic()

    def progress(to_us: int, readings: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= TELL_EVERY_S:
            told_s = now_s
            moment = datetime.fromtimestamp(to_us / 1e6, configuration.calendar.timezone)
            tell(f"folded to {moment:%Y-%m-%d %H:%M}, {readings / (now_s - begun_s):,.0f} readings/s")

    return progress
