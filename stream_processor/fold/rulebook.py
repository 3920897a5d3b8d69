"""Alert rules compiled to columns by metric, so that a batch is judged without a look at any rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.alert import Channel
from contract.catalogue import Catalogue
from contract.rule import MetricRule, Rule, SystemRule
from contract.series import MAX_METRIC_ID
from contract.topic import Stream

METRICS: Final = MAX_METRIC_ID + 1
DEFAULT_BOUND: Final = 6.0
"""Deviations that score 0.5 where a metric has no anomaly rule; the default of `AnomalyRule.z`."""
NEVER_NEW_US: Final = int(np.iinfo(np.int64).max) // 4
"""Longer than any log: a time of this age is never reached, and sums with times do not overflow."""


@dataclass(frozen=True)
class ChannelRules:
    """The rules of one channel as columns by metric id, each of shape (256,).

    Columns of fields that the channel does not have say nothing.
    """

    exists: NDArray[np.bool_]
    by_metric: dict[int, MetricRule]
    open_after: NDArray[np.uint8]
    close_after: NDArray[np.uint8]
    open_window: NDArray[np.uint8]
    """The lowest bits of `State.run` that count for opening, 0 where it counts in a row."""
    close_window: NDArray[np.uint8]
    has_windows: bool
    """Whether any rule of the channel has a window."""
    priority: NDArray[np.uint8]
    priority_in_session: NDArray[np.uint8]
    only_in_session: NDArray[np.bool_]
    steady_us: NDArray[np.int64]
    """Calm after which an alert no longer flaps; 0 for never damped."""
    parent: NDArray[np.int8]
    """Row of `Rulebook.parents` that holds this rule back, -1 for none."""
    below: NDArray[np.float64]
    """Threshold, rate: out of bounds below this; -inf where unbounded."""
    above: NDArray[np.float64]
    clear_low: NDArray[np.float64]
    """Threshold, rate: well again at or above this."""
    clear_high: NDArray[np.float64]
    silent_us: NDArray[np.int64]
    session_from_us: NDArray[np.int64]
    """Silence: after a session's start, from when on arrivals are due."""
    session_until_us: NDArray[np.int64]
    """Silence: … until when; 0 for at any time."""
    rare_share: NDArray[np.float64]
    """Silence: share of a school's sessions below which a wait is rare; 0 where it is not asked."""
    bound: NDArray[np.float64]
    """Anomaly, joint: deviations that count as out of bounds."""
    least_deviation: NDArray[np.float64]
    looks_down: NDArray[np.bool_]
    looks_up: NDArray[np.bool_]
    refractory_us: NDArray[np.int64]
    new_level_us: NDArray[np.int64]
    """Anomaly: time open after which a deviation is learnt as the new level; `NEVER_NEW_US` for never."""
    at_edges: NDArray[np.bool_]
    less_shared: NDArray[np.bool_]
    """Anomaly: judged less what schools share in a session, of metrics that speak of sessions."""
    of_absence: NDArray[np.bool_]
    """Of these, shares of pupils: judged by the deviations of `anomaly.absence`."""
    less_provider: NDArray[np.bool_]
    """Anomaly: judged less what a provider's lines share at the moment, of metrics that a line measures."""
    stands: NDArray[np.bool_]
    """Anomaly: a reading with none after it speaks again, after `stands_us`."""
    stands_us: NDArray[np.int64]
    most_still: NDArray[np.float64]
    off_us: NDArray[np.int64]
    """Clock: how far it may be off."""


@dataclass(frozen=True)
class Rulebook:
    """All rules, by channel."""

    channels: tuple[ChannelRules, ...]
    """In the order of `Channel`."""
    parents: tuple[MetricRule, ...]
    """Rules that hold others back, each once."""
    system: Mapping[str, SystemRule]
    """Rules about the center itself, by name."""

    @cached_property
    def least_steady_us(self) -> int:
        """The shortest calm after which an alert of any rule no longer flaps."""
        return min((int(c.steady_us[c.exists].min()) for c in self.channels if c.by_metric), default=0)

    def rule(self, channel: int, metric_id: int) -> MetricRule | None:
        """Return the rule of a channel and metric, if there is one."""
        return self.channels[channel].by_metric.get(metric_id)

    def names(self) -> dict[str, str]:
        """Return the rule's name by `channel/metric id`, as a snapshot remembers them."""
        return {
            f"{channel}/{metric_id}": rule.name
            for channel, rules in enumerate(self.channels)
            for metric_id, rule in rules.by_metric.items()
        }


def compile_rules(rules: Sequence[Rule], catalogue: Catalogue) -> Rulebook:
    """Return the rules as columns; a metric has at most one rule a channel (`parse_rules` sees to it)."""
    system = {r.name: r for r in rules if isinstance(r, SystemRule)}
    of_metrics = [r for r in rules if isinstance(r, MetricRule)]
    held_by = {r.suppressed_by for r in of_metrics}
    parents = tuple(r for r in of_metrics if r.name in held_by)
    row = {rule.name: i for i, rule in enumerate(parents)}
    registers = np.zeros(METRICS, np.bool_)
    registers[[m.id for m in catalogue.of_stream(Stream.ATTENDANCE)]] = True
    shares = np.zeros(METRICS, np.bool_)
    shares[[m.id for m in catalogue.metrics if m.ratio_of]] = True
    channels = tuple(
        _compile(
            {catalogue.named(r.metric).id: r for r in of_metrics if r.channel_number is channel},
            row,
            registers,
            shares,
        )
        for channel in Channel
    )
    return Rulebook(channels, parents, system)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of one channel's rules as columns by metric, shape (METRICS,)."""

    by_metric: dict[int, MetricRule]

    def column(self, values: Mapping[int, Any], default: Any, kind: type[np.generic]) -> NDArray[Any]:
        """Return a column of what is given by metric; None is the default."""
        out = np.full(METRICS, default, kind)
        for metric_id, value in values.items():
            if value is not None:
                out[metric_id] = value
        return out

    def of(self, field: str, default: Any, kind: type[np.generic]) -> NDArray[Any]:
        """Return the column of a field; a rule that does not have it has the default."""
        return self.column({m: getattr(r, field, None) for m, r in self.by_metric.items()}, default, kind)

    def flag(self, field: str) -> NDArray[np.bool_]:
        """Return the column of a field that is true or false."""
        return self.of(field, False, np.bool_)

    def number(self, field: str, default: float = 0.0) -> NDArray[np.float64]:
        """Return the column of a field that is a number."""
        return self.of(field, default, np.float64)

    def us(self, field: str) -> NDArray[np.int64]:
        """Return the column of a field in seconds, µs."""
        return (self.number(field) * 1e6).astype(np.int64)

    def window(self, field: str) -> NDArray[np.uint8]:
        """Return as many low bits as a field says, by metric."""
        return ((1 << self.of(field, 0, np.uint16)) - 1).astype(np.uint8)

    def looks(self, way: str) -> NDArray[np.bool_]:
        """Return whether a rule minds changes this way, "up" or "down"."""
        ways = {m: getattr(r, "direction", "") for m, r in self.by_metric.items()}
        return self.column({m: d in (way, "both") for m, d in ways.items()}, False, np.bool_)


def _compile(
    by_metric: dict[int, MetricRule],
    parent_row: dict[str, int],
    registers: NDArray[np.bool_],
    shares: NDArray[np.bool_],
) -> ChannelRules:
    fields = _Fields(by_metric)
    below, above = fields.number("below", -np.inf), fields.number("above", np.inf)
    margin, once_in = fields.number("clear_margin"), fields.number("once_in_sessions")
    open_window, close_window = fields.window("open_of"), fields.window("close_of")
    new_level_us, stands_us = fields.us("new_level_after_s"), fields.us("stands_s")
    less_shared = fields.flag("less_shared")
    return ChannelRules(
        exists=fields.column(dict.fromkeys(by_metric, True), False, np.bool_),
        by_metric=by_metric,
        open_after=fields.of("open_after", 1, np.uint8),
        close_after=fields.of("close_after", 1, np.uint8),
        open_window=open_window,
        close_window=close_window,
        has_windows=bool(open_window.any() or close_window.any()),
        priority=fields.of("priority", 3, np.uint8),
        priority_in_session=fields.of("priority_in_session", 3, np.uint8),
        only_in_session=fields.flag("only_in_session"),
        steady_us=fields.us("steady_s"),
        parent=fields.column({m: parent_row.get(r.suppressed_by) for m, r in by_metric.items()}, -1, np.int8),
        below=below,
        above=above,
        clear_low=below + margin,
        clear_high=above - margin,
        silent_us=fields.us("silent_s"),
        session_from_us=fields.us("session_from_s"),
        session_until_us=fields.us("session_until_s"),
        rare_share=np.divide(1.0, once_in, out=np.zeros(METRICS), where=once_in > 0),
        bound=fields.number("z", DEFAULT_BOUND),
        least_deviation=fields.number("least_deviation"),
        looks_down=fields.looks("down"),
        looks_up=fields.looks("up"),
        refractory_us=fields.us("refractory_s"),
        new_level_us=np.where(new_level_us > 0, new_level_us, NEVER_NEW_US),
        at_edges=fields.flag("at_edges"),
        stands=stands_us > 0,
        stands_us=stands_us,
        less_shared=less_shared & registers,
        of_absence=less_shared & registers & shares,
        less_provider=less_shared & ~registers,
        most_still=fields.number("most_still"),
        off_us=fields.us("off_s"),
    )
