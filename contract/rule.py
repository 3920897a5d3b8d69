"""Alert rules as data: `config/rules.toml` read into frozen, checked rules, one struct a channel."""

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from contract.alert import CHRONIC, Channel, Priority, is_chronic
from contract.catalogue import Catalogue, MetricKind
from contract.fleet import STREAMS_OF
from contract.privacy import K, tells_apart
from contract.toml.tables import unseen_character
from contract.toml.text import TomlText

JOINT_METRICS: Final = ("down_bps", "active_users", "attendance_ratio")
"""What a joint rule compares: the traffic, the e-learning and the register of one school."""

Count = Annotated[int, Meta(ge=1, le=255)]
"""Times in a row: what the state counts in a byte."""
Window = Annotated[int, Meta(ge=0, le=8)]
"""Last readings of which some must agree: what the state keeps as the bits of a byte; 0 for in a row."""
Bound = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""Any number but NaN, which nothing is below or above."""
Extent = Annotated[float, Meta(ge=0.0)]
"""A distance or a time that may be 0."""
Deviations = Annotated[float, Meta(gt=0.0)]
"""A distance from what is usual, in deviations."""


Direction = Literal["up", "down", "both"]
"""On which side of the expected value a value counts as out of bounds."""


class _Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="channel"):
    """What every rule says to people."""

    name: Annotated[str, Meta(min_length=1)]
    """Stable name, such as `wan_down`; part of every alert's identity."""
    priority: Priority
    """Priority, outside school hours where there is another for them."""
    title_vi: str
    title_en: str
    advice_vi: str
    """What the person on shift should do next, one sentence."""
    advice_en: str

    @property
    def channel(self) -> str:
        """The channel as rules.toml writes it: the name of a `Channel`, or `system`."""
        return str(self.__struct_config__.tag)


class SystemRule(_Told, frozen=True, tag="system"):
    """The operations center stands still, hears nothing, has trouble with its broker or a wrong calendar."""


class MetricRule(_Told, frozen=True, kw_only=True):
    """What the rules of all channels have in common: one condition on one metric."""

    metric: str
    """Name in the catalogue."""
    priority_in_session: Priority
    """Priority while the school is in session."""
    only_in_session: bool = False
    """Evaluated only while the school is in session and its level has begun."""
    suppressed_by: str = ""
    """Name of a rule; while the same school has an open alert of it, this one does not open."""
    steady_s: Extent = 300.0
    """Seconds of calm after which an alert that flaps ends, and below which a third opening is flapping; 0
    for never. Chosen: longer than a client takes to notice a dead connection and to come back (1.5 times
    a keep-alive of 60 s, MQTT 3.1.1 section 3.1.2.10), shorter than it takes to reach somebody."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that the rule looks at."""
        return (self.metric,)

    @property
    def channel_number(self) -> Channel:
        """The rule's channel."""
        return Channel[self.channel.upper()]


class _Counted(MetricRule, frozen=True, kw_only=True):
    """A rule that counts what speaks for a change: readings, repetitions (stuck) or looks, one in ten
    minutes (joint) or two a minute (clock).
    """

    open_after: Count = 1
    """How many out of bounds before the alert opens: in a row, or of the last `open_of`."""
    open_of: Window = 0
    """Of how many last ones `open_after` may be; 0 for in a row."""
    close_after: Count = 3
    """How many within bounds before it resolves: in a row, or of the last `close_of`."""
    close_of: Window = 0
    """Of how many last ones `close_after` may be; 0 for in a row."""

    def __post_init__(self) -> None:
        """Refuse a window that is shorter than what it should hold."""
        for field, after, of in (
            ("open_of", self.open_after, self.open_of),
            ("close_of", self.close_after, self.close_of),
        ):
            if 0 < of < after:
                raise ValueError(f"Expected field `{field}` >= {after}, which it should hold, or 0")


class _Bounded(_Counted, frozen=True, kw_only=True):
    """A value between fixed bounds, at least one of them."""

    below: Bound | None = None
    """Out of bounds when what is judged is below this."""
    above: Bound | None = None
    """Out of bounds when what is judged is above this."""
    clear_margin: Extent = 0.0
    """How far inside the bound it must be to count as well, in the unit of the bound."""

    def __post_init__(self) -> None:
        """Refuse a rule without a bound, and one that nothing satisfies."""
        super().__post_init__()
        if self.below is None and self.above is None:
            raise ValueError("Object missing required field `below` or `above`")
        low = -math.inf if self.below is None else self.below
        high = math.inf if self.above is None else self.above
        if low + self.clear_margin > high - self.clear_margin:
            raise ValueError("Expected field `below` + `clear_margin` <= `above` - `clear_margin`")


class ThresholdRule(_Bounded, frozen=True, kw_only=True, tag="threshold"):
    """The value crosses a line, with hysteresis; bounds are in the metric's unit."""

    contradicted_by: tuple[str, ...] = ()
    """Metrics of the same device whose readings, arrived after the value, prove that it is no longer so:
    what comes through a line shows that the line is not down. For metrics that are 0 or 1."""


class RateRule(_Bounded, frozen=True, tag="rate"):
    """The value moves too fast or too slowly.

    Bounds are in the metric's unit a second; a falling gauge has a rate below 0.
    """


class AnomalyRule(_Counted, frozen=True, kw_only=True, tag="anomaly"):
    """The value is unlike its own past."""

    z: Deviations = 6.0
    """Deviations from the expected value that count as out of bounds."""
    least_deviation: Extent = 0.0
    """A difference smaller than this, in the metric's unit, never counts."""
    direction: Direction = "both"
    at_edges: bool = False
    """Also judged within 30 minutes of a session's start or end, where traffic moves too fast."""
    less_shared: bool = False
    """What others share is taken out before one is judged, unless it is news: of registers what schools of
    a level and of a cluster share in a session, else what a provider's lines share at the moment. A share of
    pupils is judged in deviations of `anomaly.absence` then."""
    stands_s: Extent = 0.0
    """Seconds after which a reading out of bounds that is still the newest speaks once more, in session; 0
    for never. So what is soon corrected opens nothing, and what is sent only once opens nevertheless."""
    refractory_s: Extent = 0.0
    """Seconds after a resolve in which the same series does not open again."""
    new_level_after_s: Extent = 259_200.0
    """Seconds open after which a deviation is learnt as the new level; 0 for never. Chosen: three days are
    longer than a weekend, so somebody had a day to look, and shorter than a school week, for what is
    judged in session only ends with it."""


class SilenceRule(MetricRule, frozen=True, kw_only=True, tag="silence"):
    """Nothing arrives."""

    silent_s: Annotated[float, Meta(gt=0.0)]
    """Seconds of log time without an arrival before the alert opens."""
    session_from_s: Extent = 0.0
    """Seconds after a session's start from which on arrivals are due; see `session_until_s`."""
    session_until_s: Extent = 0.0
    """Seconds after a session's start until which arrivals are due; 0 for at any time."""
    once_in_sessions: Annotated[float, Meta(ge=0.0)] = 0.0
    """Opens only where the school itself lets one wait as long in fewer than one of so many sessions; 0
    for whenever nothing arrives. It needs a stretch of the session."""

    def __post_init__(self) -> None:
        """Refuse a stretch that ends before it begins, and habits without one."""
        if self.session_until_s < self.session_from_s:
            raise ValueError("Expected field `session_until_s` >= `session_from_s`")
        if self.once_in_sessions and self.session_until_s <= self.session_from_s:
            raise ValueError("Expected field `session_until_s` > `session_from_s` with `once_in_sessions`")


class StuckRule(_Counted, frozen=True, kw_only=True, tag="stuck"):
    """The same value, other than 0, comes again and again although the series usually changes."""

    most_still: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.01
    """Only series that repeat their value in at most this share of readings."""


class JointRule(_Counted, frozen=True, kw_only=True, tag="joint"):
    """Series of one school that usually agree do not; `metric` is the one of `JOINT_METRICS` that carries
    the alert.
    """

    z: Deviations = 6.0
    """The deviation of normal noise that is as rare as the disagreement."""
    z_day: Annotated[float, Meta(ge=0.0)] = 0.0
    """Deviations between schools by which a session's traffic and e-learning may lie below what the register
    says; 0 for no look at sessions."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that the rule looks at."""
        return JOINT_METRICS


class ClockRule(_Counted, frozen=True, kw_only=True, tag="clock"):
    """The device that sends `metric` has a wrong clock; all metrics of that stream bear witness.

    Ahead is out of bounds at any look, behind only if it is by the same as at the look before.
    """

    off_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 120.0
    """Seconds that a clock may be ahead or behind. Chosen: far more than any delay of a line that works,
    and little enough for charts by the quarter of an hour."""
    close_after: Count = 2
    """How many looks find it right before the alert resolves: in a row, or of the last `close_of`."""


class ChronicRule(MetricRule, frozen=True, kw_only=True, tag="chronic"):
    """A device is bad again and again for days: told once, and from then on what is usual for it is not told.

    `metric` carries the alert; it and the metrics of `of` come from one kind of device.
    """

    of: tuple[str, ...]
    """Names of the rules that say that the device is bad; of threshold, rate, anomaly, silence or stuck."""
    spells: Count = 5
    """How often it must be bad within seven days. Chosen: of 3,541 lines that fail once a month by chance,
    one a year comes so far."""
    on_days: Annotated[int, Meta(ge=1, le=7)] = 3
    """On how many of these days at least. Chosen: one fault and its aftermath lie on two at most."""


Rule = (
    SystemRule
    | ThresholdRule
    | RateRule
    | AnomalyRule
    | SilenceRule
    | StuckRule
    | JointRule
    | ClockRule
    | ChronicRule
)
"""A rule of any channel: rules.toml says which by `channel`."""
_WATCHED: Final = (ThresholdRule, RateRule, AnomalyRule, SilenceRule, StuckRule)
"""What a chronic rule may name: channels that judge single series."""
CHANNEL_NAMES: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Rule))
"""What rules.toml may write as a `channel`."""

MOST_WORDS: Final = 1000
"""Characters of a title or of advice: chosen, a screen of a phone."""


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[dict[str, Any]]


def parse_rules(text: str, catalogue: Catalogue) -> tuple[Rule, ...]:
    """Return the rules written in TOML `text`: one `[[rule]]` table a rule.

    Raises:
        ConfigurationError: a rule lacks a field, has one that its channel does not know or a value out
            of range, names no metric, or shares its metric and channel; names rule, field and line.
    """
    file = TomlText("rules.toml", text)
    tables = file.read_at((), _Tables).rule
    told = [f"{table.get('channel', '')} rule {table.get('name')!r}: " for table in tables]
    rules: tuple[Rule, ...] = tuple(file.read_at(("rule", n), Rule, said) for n, said in enumerate(told))
    for place, rule in enumerate(rules):
        for field, why in _complaints(rule, rules[:place], rules, catalogue):
            raise file.refused(("rule", place, field), f"{told[place]}`{field}` {why}")
    return rules


def _complaints(
    rule: Rule, before: Sequence[Rule], rules: Sequence[Rule], catalogue: Catalogue
) -> Iterator[tuple[str, str]]:
    """Yield the fields that cannot be told, or do not fit the other rules or the catalogue, and why."""
    for field in ("name", "title_vi", "title_en", "advice_vi", "advice_en"):
        words = " ".join(getattr(rule, field).split())
        if not 0 < len(words) <= MOST_WORDS or unseen_character(words):
            yield field, f"has 1 to {MOST_WORDS} characters, all of which can be seen"
    if any(other.name == rule.name for other in before):
        yield "name", "is that of another rule"
    if isinstance(rule, ChronicRule) != is_chronic(rule.name):
        yield "name", f"begins with {CHRONIC!r} if, and only if, the channel is 'chronic'"
    if isinstance(rule, SystemRule):
        return
    kinds = {metric.name: metric.kind for metric in catalogue.metrics}
    for name in (rule.metric, *rule.metrics):
        if name not in kinds:
            yield "metric", f"{name!r} is not in the catalogue"
    if kinds.get(rule.metric) is MetricKind.COUNTER and not isinstance(rule, RateRule | SilenceRule):
        yield (
            "metric",
            f"{rule.metric!r} is a counter, and its value says nothing; use channel 'rate' (or 'silence')",
        )
    if rule.metric not in rule.metrics:
        yield "metric", f"{rule.metric!r} is none of {', '.join(rule.metrics)}, which a joint rule compares"
    if isinstance(rule, ThresholdRule) and _tells_apart(rule, catalogue):
        yield (
            "above" if rule.above is not None else "below",
            f"would tell fewer than {K} pupils of a school from one another; bounds of {rule.metric!r} (above"
            f" less clear_margin) are {K} or more",
        )
    for other in before:
        if isinstance(other, MetricRule) and (other.metric, other.channel) == (rule.metric, rule.channel):
            yield "metric", f"is that of {other.name!r} too; a metric has one rule a channel"
    if isinstance(rule, ThresholdRule):
        for name in rule.contradicted_by:
            if name not in kinds:
                yield "contradicted_by", f"{name!r} is not in the catalogue"
    if isinstance(rule, ChronicRule):
        yield from _chronic_complaints(rule, before, rules, catalogue)
    if rule.suppressed_by and not any(
        isinstance(other, MetricRule) and other.name == rule.suppressed_by for other in rules
    ):
        yield "suppressed_by", f"names no rule of a metric: {rule.suppressed_by!r}"


def _chronic_complaints(
    rule: ChronicRule, before: Sequence[Rule], rules: Sequence[Rule], catalogue: Catalogue
) -> Iterator[tuple[str, str]]:
    named = {other.name: other for other in rules if isinstance(other, _WATCHED)}
    stream_of = {metric.name: metric.stream for metric in catalogue.metrics}
    taken = {name for other in before if isinstance(other, ChronicRule) for name in other.of}
    for name in rule.of:
        other = named.get(name)
        if other is None:
            yield "of", f"names no rule of a reading: {name!r}"
        elif name in taken:
            yield "of", f"names {name!r}, as another chronic rule does"
        elif not any({stream_of[rule.metric], stream_of[other.metric]} <= {*s} for s in STREAMS_OF.values()):
            yield "of", f"names {name!r}, whose metric comes from another device than {rule.metric!r}"


def _tells_apart(rule: ThresholdRule, catalogue: Catalogue) -> bool:
    metric = next((m for m in catalogue.metrics if m.name == rule.metric), None)
    return metric is not None and tells_apart(metric, rule.below, rule.above, rule.clear_margin)
