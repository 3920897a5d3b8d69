"""The state as bytes and back: an Arrow IPC stream of columns by series, with a header of the rest.

A snapshot knows its series, so it fits a fleet that changed meanwhile: what left the fleet is
forgotten, what joined it starts unheard. It knows the names of its rules, so an alert of a rule
that is gone is not taken for one of its successor.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contract.errors import SnapshotVersionError
from contract.fleet import LEVELS
from contract.live import Canary
from stream_processor.fold.arrival.words import add_words
from stream_processor.fold.constants import Fold
from stream_processor.fold.feed import FEED_DOWN, LOG_GAP
from stream_processor.fold.sessions.bells import OFF_CALENDAR
from stream_processor.fold.shared import MANY_DAYS
from stream_processor.fold.state import BASELINES, NEVER_US, Said, State, slot_columns
from stream_processor.fold.unrest.chronic import drop_untellable
from stream_processor.fold.unrest.flapping import Unrest
from stream_processor.fold.unrest.spells import Spells

VERSION: Final = 14
"""14 knows how sudden changes are and what was lately, 13 how much schools are usually online in a session,
12 how often what came in a session stayed away and from how many days a line is known, 11 from how many a
level is, 10 how empty schools were on a day, 9 the tails of baselines, 8 chronic devices, 7 how long schools
let one wait and what they share, 6 clocks, times ahead of the log and all words about a mark, 5 what flaps
and when the newest reading of a series came, 4 rates, disagreements and what similar schools are like, 3 the
newest deviation of each series, 2 repetitions of a value; older ones are read too."""
READABLE: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
_HEADER: Final = b"eduops"


class _Header(msgspec.Struct, frozen=True):
    """All that is not a column by slot."""

    version: int
    detector: str
    rules: dict[str, str]
    """Rule name by `channel/metric id`."""
    parent_schools: dict[str, list[int]]
    """School ids with an open alert at the last tick, by parent rule."""
    session_from_us: list[int]
    now_us: int
    tick_us: int
    silence_from_us: int
    kpi_minute: int
    # Defaults below are what a snapshot from before these fields means.
    ticks_steadily: bool = False
    gap_since_us: int = NEVER_US
    gap_until_us: int = NEVER_US
    deaf_since_us: int = NEVER_US
    feed_is_down: bool = False
    troubles: dict[str, tuple[int, int]] = {}
    canary: Canary | None = None
    kin: dict[str, tuple[float, float, float]] = {}
    """What similar schools are like, where known, by `metric id/level/baseline`; see `State.kin`."""
    kin_hour: int = 0
    earlier: list[tuple[int, int, float]] = []
    """Of version 5: series, mark and a word about it that was corrected."""
    said: list[tuple[int, int, dict[int, tuple[float, ...]]]] = []
    """Series and what is known of it in `State.said`."""
    unrests: list[tuple[int, int, int, int]] = []
    """Channel, series, openings and log time of what opened or resolved lately; see `State.unrests`."""
    spells: list[tuple[int, Spells]] = []
    """Series that carries a device's chronic alert, and what is known of it; see `State.spells`."""
    withheld: list[tuple[int, int]] = []
    """Channel and series; see `State.withheld`."""
    bells: list[list[list[float]]] | None = None
    """By row, level and part of the day; see `State.bells`."""
    begun_us: list[int] | None = None
    waited_for: list[bool] | None = None
    not_begun: list[bool] | None = None
    off_calendar_us: int = NEVER_US
    told_schools: dict[str, list[int]] | None = None
    """As `parent_schools`, of alerts that are not withheld; None where none can be."""


class _Version(msgspec.Struct, frozen=True):
    version: int


def encode(fold: Fold, state: State) -> bytes:
    """Return the state as bytes; `decode` gives it back exactly."""
    layout = fold.layout
    header = _Header(
        version=VERSION,
        detector=fold.detector.name,
        rules=fold.rulebook.names(),
        parent_schools=_schools_of(fold, state.parent_open),
        session_from_us=state.session_from_us.tolist(),
        now_us=state.now_us,
        tick_us=state.tick_us,
        silence_from_us=state.silence_from_us,
        kpi_minute=state.kpi_minute,
        ticks_steadily=state.ticks_steadily,
        gap_since_us=state.gap_since_us,
        gap_until_us=state.gap_until_us,
        deaf_since_us=state.deaf_since_us,
        feed_is_down=state.feed_is_down,
        troubles=state.troubles,
        canary=state.canary,
        kin={
            name: (float(told[0]), float(told[1]), float(told[2]))
            for name, told in zip(_kin_names(fold), state.kin.T, strict=True)
            if not np.isnan(told[0])
        },
        kin_hour=state.kin_hour,
        said=[(int(layout.series[slot]), *said) for slot, said in sorted(state.said.items())],
        unrests=[
            (channel, int(layout.series[slot]), *unrest)
            for (channel, slot), unrest in sorted(state.unrests.items())
        ],
        spells=[(int(layout.series[slot]), spells) for slot, spells in sorted(state.spells.items())],
        withheld=[(channel, int(layout.series[slot])) for channel, slot in sorted(state.withheld)],
        told_schools=_schools_of(fold, state.parent_told),
        bells=state.bells.tolist(),
        begun_us=state.begun_us.tolist(),
        waited_for=state.waited_for.tolist(),
        not_begun=state.not_begun.tolist(),
        off_calendar_us=state.off_calendar_us,
    )
    return _as_stream(header, layout.series, state)


def _as_stream(header: _Header, series: NDArray[np.int32], state: State) -> bytes:
    """Return an Arrow IPC stream of the state's columns, one row a series, with the header beside them."""
    columns: dict[str, NDArray[Any]] = {"series": series}
    for name, rows in slot_columns(state).items():
        # Arrow packs booleans into bits; as bytes they stay what numpy reads.
        columns |= {f"{name}/{k}": np.ascontiguousarray(row) for k, row in enumerate(rows)}
    arrays = {n: c.view(np.uint8) if c.dtype == np.bool_ else c for n, c in columns.items()}
    batch = pa.record_batch([pa.array(a) for a in arrays.values()], names=list(arrays))
    schema = batch.schema.with_metadata({_HEADER: msgspec.json.encode(header)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def decode(fold: Fold, snapshot: bytes) -> State:
    """Return the state that was encoded, fitted to the fold's fleet and rules.

    Raises:
        SnapshotVersionError: this is no snapshot, or one of a version or detector not known here.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(snapshot)) as stream:
            metadata, batch = stream.schema.metadata or {}, stream.read_next_batch()
        version = msgspec.json.decode(metadata[_HEADER], type=_Version).version
        if version not in READABLE:
            raise SnapshotVersionError(
                f"the snapshot has version {version}; this program reads {', '.join(map(str, READABLE))}"
            )
        header = msgspec.json.decode(metadata[_HEADER], type=_Header)
    except (pa.ArrowException, OSError, StopIteration, KeyError, msgspec.MsgspecError) as error:
        raise SnapshotVersionError(f"not a snapshot that this program can read: {error}") from error
    if header.detector != fold.detector.name:
        raise SnapshotVersionError(
            f"the snapshot is of detector {header.detector!r}; configured is {fold.detector.name!r}"
        )
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    return _fit(fold, header, {name: column.to_numpy() for name, column in columns.items()})


def _fit(fold: Fold, header: _Header, columns: dict[str, NDArray[Any]]) -> State:
    layout, state = fold.layout, fold.initial_state()
    slot = layout.slots_of(columns["series"])
    kept = slot >= 0
    for name, rows in slot_columns(state).items():
        for k, row in enumerate(rows):
            # What an older version did not keep starts as if nothing had been.
            if f"{name}/{k}" in columns:
                row[slot[kept]] = columns[f"{name}/{k}"][kept]
    for channel, series, *unrest in header.unrests:
        place = int(layout.slots_of(np.array([series], np.int32))[0])
        if place >= 0:
            state.unrests[channel, place] = Unrest(*unrest)
    _fit_chronic(fold, header, state)
    _drop_foreign_rules(fold, header, state)
    drop_untellable(fold, state)
    told = header.parent_schools if header.told_schools is None else header.told_schools
    for row, rule in enumerate(fold.rulebook.parents):
        state.parent_open[row] = np.isin(layout.school_ids, header.parent_schools.get(rule.name, []))
        state.parent_told[row] = np.isin(layout.school_ids, told.get(rule.name, []))
    state.session_from_us[:] = header.session_from_us
    state.now_us, state.tick_us = header.now_us, header.tick_us
    state.silence_from_us, state.kpi_minute = header.silence_from_us, header.kpi_minute
    for row, name in enumerate(_kin_names(fold)):
        state.kin[:, row] = header.kin.get(name, np.nan)
    state.kin_hour = header.kin_hour
    _fill_in(fold, state, columns)
    add_words(layout, state, header.earlier)
    for series, newest_us, words in header.said:
        place = int(layout.slots_of(np.array([series], np.int32))[0])
        if place >= 0:
            state.said[place] = Said(newest_us, words)
    state.ticks_steadily, state.canary = header.ticks_steadily, header.canary
    state.gap_until_us, state.deaf_since_us = header.gap_until_us, header.deaf_since_us
    # Without its rule nobody would resolve the alert; the owner of the alerts retires it.
    state.gap_since_us = header.gap_since_us if LOG_GAP in fold.rulebook.system else NEVER_US
    # When a session began of which an older version was in the middle, nobody knows: it teaches nothing.
    state.begun_us[:] = header.tick_us
    for name in ("bells", "begun_us", "waited_for", "not_begun"):
        if getattr(header, name) is not None:
            getattr(state, name)[:] = getattr(header, name)
    state.off_calendar_us = header.off_calendar_us if OFF_CALENDAR in fold.rulebook.system else NEVER_US
    state.feed_is_down = header.feed_is_down and FEED_DOWN in fold.rulebook.system
    state.troubles = {name: told for name, told in header.troubles.items() if name in fold.rulebook.system}
    if int(kept.sum()) < len(layout):
        # Series that joined could first be heard from now on; none may be called silent before.
        state.silence_from_us = header.now_us
    return state


def _fill_in(fold: Fold, state: State, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write what an older version did not keep and others of its columns tell."""
    if "event_us/0" not in columns:
        state.event_us[:] = state.mark_us
    if "part_sum/0" not in columns:
        # They were those of another sum.
        state.looks[:] = 0
    # Whoever was heard before is no newcomer.
    heard = state.event_us != NEVER_US
    if "days/0" not in columns:
        state.days[heard] = MANY_DAYS
    elif "gaps/0" not in columns:
        lines = np.concatenate([*fold.line_slots, np.empty(0, np.intp)])
        state.days[lines[heard[lines]]] = MANY_DAYS


def _schools_of(fold: Fold, of_parents: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Return the ids of schools by parent rule, where a mask of shape (p, m) is set."""
    ids, parents = fold.layout.school_ids, fold.rulebook.parents
    return {rule.name: ids[of_parents[row]].tolist() for row, rule in enumerate(parents)}


def _fit_chronic(fold: Fold, header: _Header, state: State) -> None:
    """Take over the spells of devices that the fleet still has."""
    for series, spells in header.spells:
        place = int(fold.layout.slots_of(np.array([series], np.int32))[0])
        if place in fold.chronic_carriers:
            state.spells[place] = spells
    for channel, series in header.withheld:
        place = int(fold.layout.slots_of(np.array([series], np.int32))[0])
        if place >= 0:
            state.withheld.add((channel, place))


def _kin_names(fold: Fold) -> list[str]:
    """Return the names of all kins, in their order."""
    return [
        f"{metric_id}/{level}/{baseline}"
        for metric_id, _ in fold.metrics
        for level in LEVELS
        for baseline in range(BASELINES)
    ]


def _drop_foreign_rules(fold: Fold, header: _Header, state: State) -> None:
    known = fold.rulebook.names()
    for key, name in header.rules.items():
        if known.get(key) != name:
            channel, metric_id = map(int, key.split("/"))
            slots = np.flatnonzero(fold.layout.metric_id == metric_id)
            state.is_open[channel, slots] = False
            state.run[channel, slots] = 0
            for slot in slots.tolist():
                state.unrests.pop((channel, slot), None)
                state.withheld.discard((channel, slot))
