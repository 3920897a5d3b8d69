"""The metric catalogue: what may be measured, in which unit and range, how often, and why.

The words live in `config/metrics.toml`, which an operator may edit; this module reads its text.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.errors import ConfigurationError
from contract.series import MAX_METRIC_ID
from contract.toml.tables import TablePlace, TablesText
from contract.topic import PRIVATE_STREAMS, Stream


class MetricKind(StrEnum):
    """What a value says of its moment."""

    GAUGE = "gauge"
    """How it is now."""
    COUNTER = "counter"
    """How often something has happened since the device began to count; only its rate says anything."""


class Published(StrEnum):
    """What leaves the center of one school's values of a metric; `contract.privacy` keeps it."""

    OPEN = "open"
    """All of them, as they are."""
    RATIO = "ratio"
    """A share of the school's pupils: kept between bounds beyond which fewer than k pupils would show."""
    COUNT = "count"
    """A number of the school's pupils: only where neither it nor the rest of the pupils is below k."""
    AREA = "area"
    """Nothing: they are part of sums over several schools only."""


COUNTER_BITS: Final = (0, 32, 64)
"""Widths of counters: unknown, and Counter32 and Counter64 of RFC 2578."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that a device measures."""

    id: int
    """Stable number, 1 to 255; part of every series number, so it is never used again."""
    name: str
    """Name in SenML records, such as `down_bps`; unique within its stream."""
    stream: Stream
    """The stream that carries it."""
    unit: str
    """SenML unit symbol (RFC 8428 section 12.1 and RFC 8798), such as `bit/s`."""
    low: float
    """Least believable value, inclusive."""
    high: float
    """Greatest believable value, inclusive."""
    cadence_s: float
    """Usual seconds between two readings of one series; above 0."""
    stale_s: float
    """A value older than this (log time since arrival) no longer counts as reporting."""
    heartbeat: bool
    """True for the one metric whose silence means that its whole stream is silent."""
    meaning_vi: str
    meaning_en: str
    source: str
    """Where the definition comes from."""
    kind: MetricKind = MetricKind.GAUGE
    counter_bits: int = 0
    """Width of a counter that begins again at 0 after its greatest value: 32, 64, or 0 for unknown."""
    published: Published = Published.AREA
    """What leaves the center of one school; in metrics.toml `open` where nothing is said, but `area` in
    streams about pupils: those are closed unless a column opens them."""
    whole: bool = False
    """Its values are whole numbers: there is no half pupil."""
    max_per_pupil: float = 0.0
    """Greatest believable value for each pupil of the school by the fleet; 0 for no bound."""
    part_of: str = ""
    """Metric of the same stream that this one is a part of: all its parts together are at most the whole."""
    ratio_of: tuple[str, ...] = ()
    """Two metrics of the same stream, part and whole, whose ratio this is; empty for none."""


_FIELDS: Final = frozenset(field.name for field in fields(Metric))


class Catalogue:
    """All metrics, by id and by (stream, name), and as columns indexed by metric id."""

    def __init__(self, metrics: tuple[Metric, ...]) -> None:
        self.metrics = metrics
        self.by_id: Mapping[int, Metric] = {m.id: m for m in metrics}
        self.by_name: Mapping[tuple[Stream, str], Metric] = {(m.stream, m.name): m for m in metrics}

    def of_stream(self, stream: Stream) -> tuple[Metric, ...]:
        """Return the metrics that a stream carries, in catalogue order."""
        return tuple(m for m in self.metrics if m.stream is stream)

    def named(self, name: str) -> Metric:
        """Return the metric of that name in any stream.

        Raises:
            ConfigurationError: no metric has that name.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise ConfigurationError(f"no metric is called {name!r}; metrics.toml lists them")

    def of_series(self, series: int) -> Metric | None:
        """Return what a series measures; None where the catalogue does not have it."""
        return self.by_id.get(series & MAX_METRIC_ID)

    @cached_property
    def low(self) -> NDArray[np.float64]:
        """Least believable value by metric id, shape (256,); NaN where no metric has the id."""
        return self._column("low")

    @cached_property
    def high(self) -> NDArray[np.float64]:
        """Greatest believable value by metric id, shape (256,)."""
        return self._column("high")

    @cached_property
    def stale_us(self) -> NDArray[np.float64]:
        """Age in µs after which a value no longer counts, by metric id, shape (256,)."""
        return self._column("stale_s") * 1e6

    @cached_property
    def is_counter(self) -> NDArray[np.bool_]:
        """Which metric ids are counters, shape (256,)."""
        found = np.zeros(MAX_METRIC_ID + 1, np.bool_)
        found[[m.id for m in self.metrics if m.kind is MetricKind.COUNTER]] = True
        return found

    @cached_property
    def counter_range(self) -> NDArray[np.float64]:
        """Number of different values of a counter by metric id, 0 where unknown, shape (256,)."""
        found = np.zeros(MAX_METRIC_ID + 1)
        for metric in self.metrics:
            found[metric.id] = 2.0**metric.counter_bits if metric.counter_bits else 0.0
        return found

    @cached_property
    def parts(self) -> tuple[tuple[Metric, tuple[Metric, ...]], ...]:
        """Each whole and its parts, which together are at most the whole at any moment."""
        wholes = dict.fromkeys(self.by_name[m.stream, m.part_of] for m in self.metrics if m.part_of)
        return tuple(
            (whole, tuple(m for m in self.of_stream(whole.stream) if m.part_of == whole.name))
            for whole in wholes
        )

    @cached_property
    def ratios(self) -> tuple[tuple[Metric, Metric, Metric], ...]:
        """Each ratio, its part and its whole."""
        return tuple(
            (m, self.by_name[m.stream, m.ratio_of[0]], self.by_name[m.stream, m.ratio_of[1]])
            for m in self.metrics
            if m.ratio_of
        )

    @cached_property
    def related(self) -> NDArray[np.intp]:
        """Ids of the metrics whose values at one moment must agree with those of others, ascending."""
        groups = [*((whole, *parts) for whole, parts in self.parts), *self.ratios]
        return np.array(sorted({m.id for group in groups for m in group}), np.intp)

    @cached_property
    def is_related(self) -> NDArray[np.bool_]:
        """Which metric ids are in `related`, shape (256,)."""
        found = np.zeros(MAX_METRIC_ID + 1, np.bool_)
        found[self.related] = True
        return found

    @cached_property
    def is_whole(self) -> NDArray[np.bool_]:
        """Which metric ids have whole values only, shape (256,)."""
        found: NDArray[np.bool_] = self._column("whole") == 1.0
        return found

    @cached_property
    def max_per_pupil(self) -> NDArray[np.float64]:
        """Greatest value for each pupil by metric id, 0 for no bound, shape (256,)."""
        return np.nan_to_num(self._column("max_per_pupil"))

    @cached_property
    def has_rules(self) -> NDArray[np.bool_]:
        """Which metric ids have anything to be held against but their range, shape (256,)."""
        return self.is_related | self.is_whole | (self.max_per_pupil > 0)

    def _column(self, field: str) -> NDArray[np.float64]:
        column = np.full(MAX_METRIC_ID + 1, np.nan)
        for metric in self.metrics:
            column[metric.id] = getattr(metric, field)
        return column


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """All tables of metrics.toml."""

    metric: list[dict[str, Any]] = []


def parse_catalogue(text: str) -> Catalogue:
    """Return the catalogue written in TOML `text`: one `[[metric]]` table a metric.

    Raises:
        ConfigurationError: the text is not TOML, or a metric is incomplete or out of bounds; names the line.
    """
    file = TablesText("metrics.toml", text, _Tables)
    places = [place for place, _ in file.places("metric")]
    metrics = tuple(_metric(file, place, table) for place, table in file.places("metric"))
    for nth, place in enumerate(places):
        if trouble := next(_troubles_among(metrics, nth), None):
            raise file.refusal(place, *trouble)
    return Catalogue(metrics)


def _troubles_among(metrics: Sequence[Metric], nth: int) -> Iterator[tuple[str, str]]:
    """Yield what of a metric does not fit the others: the field, and a sentence."""
    own = metrics[nth]
    for other in metrics[:nth]:
        for field, is_same in (("id", own.id == other.id), ("name", _key(own) == _key(other))):
            if is_same:
                why = f"is that of {other.name!r} too: every metric needs an id and a name of its own"
                yield field, f"`{field}` {why}"
    for field, names in (("part_of", (own.part_of,) if own.part_of else ()), ("ratio_of", own.ratio_of)):
        for name in names:
            others = [m.name for m in metrics if m.stream is own.stream and m is not own]
            if name not in others:
                yield field, f"stream {own.stream} has no other metric {name!r}; it has {', '.join(others)}"


def _key(metric: Metric) -> tuple[Stream, str]:
    return metric.stream, metric.name


def _metric(file: TablesText[_Tables], place: TablePlace, table: dict[str, Any]) -> Metric:
    if unknown := next((name for name in table if name not in _FIELDS), None):
        raise file.refusal(place, unknown, f"`{unknown}` is no field of a metric")
    metric = file.read(place, Metric)
    if "published" not in table and metric.stream not in PRIVATE_STREAMS:
        metric = replace(metric, published=Published.OPEN)
    if trouble := next(_troubles(metric), None):
        raise file.refusal(place, *trouble)
    return metric


def _troubles(m: Metric) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a metric: the field, and a sentence."""
    if not 1 <= m.id <= MAX_METRIC_ID:
        yield "id", f"id {m.id} is not within 1 to {MAX_METRIC_ID}"
    if not m.low < m.high:
        yield "low", "needs low < high"
    if not 0 < m.cadence_s <= m.stale_s < math.inf:
        yield "cadence_s", "needs 0 < cadence_s <= stale_s"
    if len(m.ratio_of) not in (0, 2):
        yield "ratio_of", "ratio_of names a part and a whole"
    if not 0 <= m.max_per_pupil < math.inf:
        yield "max_per_pupil", "max_per_pupil is at least 0"
    if m.published is Published.RATIO and not (m.low == 0 and m.high == 1):
        yield "published", "only a share of pupils, low 0 to high 1, is published 'ratio'"
    if m.counter_bits not in COUNTER_BITS:
        yield "counter_bits", f"counter_bits is 0, 32 or 64, not {m.counter_bits}"
    if m.counter_bits and m.kind is not MetricKind.COUNTER:
        yield "counter_bits", "only a counter has counter_bits"
    # The greatest 64-bit value is 2 ** 64 itself as a float, hence not "below".
    if m.kind is MetricKind.COUNTER and not (
        m.low >= 0 and (m.counter_bits == 0 or m.high <= 2.0**m.counter_bits)
    ):
        yield "kind", "a counter counts from 0 up, at most to 2 ** counter_bits"
