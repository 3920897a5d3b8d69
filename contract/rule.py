"""Alert rules as data: `config/rules.toml` read into frozen, checked rules."""

import tomllib
from collections.abc import Mapping
from typing import Final

import msgspec

from contract.alert import Channel
from contract.catalogue import Catalogue, MetricKind
from contract.errors import ConfigurationError
from contract.privacy import K, tells_apart

SYSTEM_CHANNEL: Final = "system"
CHANNEL_NAMES: Final = (*(channel.name.lower() for channel in Channel), SYSTEM_CHANNEL)
OF_VALUES: Final = frozenset({"threshold", "anomaly", "stuck", "joint"})
"""Channels that judge values; the value of a counter says how long its device has been running."""
JOINT_METRICS: Final = ("down_bps", "active_users", "attendance_ratio")
"""What a joint rule compares: the traffic, the e-learning and the register of one school."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition on one metric, and what it means to people."""

    name: str
    """Stable name, such as `wan_down`; part of every alert's identity."""
    channel: str
    """threshold, anomaly, silence, stuck, rate, joint or system; system rules speak of the operations
    center itself."""
    priority: int
    """Priority outside school hours, 1 to 3."""
    priority_in_session: int
    """Priority while the school is in session, 1 to 3."""
    title_vi: str
    title_en: str
    advice_vi: str
    """What the person on shift should do next, one sentence."""
    advice_en: str
    metric: str = ""
    """Name in the catalogue; empty for a system rule. Joint: the series that carries the alert, one of
    `JOINT_METRICS`."""
    below: float | None = None
    """Threshold: out of bounds when the value is below this. Rate: when the rate is, in the metric's unit
    a second; a falling gauge has a rate below 0."""
    above: float | None = None
    """Threshold: out of bounds when the value is above this. Rate: when the rate is."""
    clear_margin: float = 0.0
    """Threshold, rate: how far inside the bound it must be to count as well, in the unit of the bound."""
    open_after: int = 1
    """Threshold, anomaly, rate: readings in a row out of bounds before the alert opens; stuck: repetitions
    of one value other than 0; joint: looks in a row, one in ten minutes; 1 to 255."""
    close_after: int = 3
    """Threshold, anomaly, rate: readings in a row within bounds before it resolves; stuck: changes; joint:
    looks; 1 to 255."""
    silent_s: float = 0.0
    """Silence: seconds of log time without an arrival before the alert opens."""
    session_from_s: float = 0.0
    """Silence: seconds after a session's start from which on arrivals are due; see `session_until_s`."""
    session_until_s: float = 0.0
    """Silence: seconds after a session's start until which arrivals are due; 0 for at any time."""
    z: float = 6.0
    """Anomaly: deviations from the expected value that count as out of bounds; joint: the deviation of
    normal noise that is as rare as the disagreement."""
    least_deviation: float = 0.0
    """Anomaly: a difference smaller than this, in the metric's unit, never counts."""
    direction: str = "both"
    """Anomaly: up, down or both."""
    refractory_s: float = 0.0
    """Anomaly: seconds after a resolve in which the same series does not open again."""
    new_level_after_s: float = 259_200.0
    """Anomaly: seconds open after which a deviation is learnt as the new level; 0 for never. Chosen: three
    days are longer than a weekend, so somebody had a day to look, and shorter than a school week, for
    what is judged in session only ends with it."""
    at_edges: bool = False
    """Anomaly: also judged within 30 minutes of a session's start or end, where traffic moves too fast."""
    most_still: float = 0.01
    """Stuck: only series that repeat their value in at most this share of readings, 0 to 1."""
    only_in_session: bool = False
    """Evaluated only while the school is in session."""
    suppressed_by: str = ""
    """Name of a rule; while the same school has an open alert of it, this one does not open."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that the rule looks at; none for a system rule."""
        if self.channel == "joint":
            return JOINT_METRICS
        return (self.metric,) if self.metric else ()

    @property
    def is_system(self) -> bool:
        """Whether the rule speaks of the operations center itself, and of no metric."""
        return self.channel == SYSTEM_CHANNEL

    @property
    def channel_number(self) -> Channel:
        """The rule's channel; system rules have none."""
        return Channel[self.channel.upper()]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[Rule]


def parse_rules(text: str, catalogue: Catalogue) -> tuple[Rule, ...]:
    """Return the rules written in TOML `text`: one `[[rule]]` table a rule.

    Raises:
        ConfigurationError: a rule is incomplete, names no metric, or shares its metric and channel.
    """
    try:
        rules = msgspec.convert(tomllib.loads(text), _File).rule
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"rules.toml: {error}") from error
    taken: dict[tuple[str, str], str] = {}
    names: set[str] = set()
    for rule in rules:
        _check(rule, catalogue)
        key = (rule.name if rule.is_system else rule.metric, rule.channel)
        other = taken.setdefault(key, rule.name)
        if other != rule.name or rule.name in names:
            raise ConfigurationError(
                f"rules.toml: {rule.name!r} repeats {other!r}; a metric has one rule a channel"
            )
        names.add(rule.name)
    unknown = {r.suppressed_by for r in rules if r.suppressed_by} - names
    if unknown:
        raise ConfigurationError(f"rules.toml: suppressed_by names no rule: {', '.join(sorted(unknown))}")
    return tuple(rules)


def _check(rule: Rule, catalogue: Catalogue) -> None:
    if not rule.is_system and all(metric.name != rule.metric for metric in catalogue.metrics):
        raise ConfigurationError(f"rules.toml, {rule.name!r}: no metric is called {rule.metric!r}")
    if rule.channel not in CHANNEL_NAMES:
        raise ConfigurationError(f"rules.toml, {rule.name!r}: channel {rule.channel!r} is unknown")
    if rule.direction not in ("up", "down", "both"):
        raise ConfigurationError(f"rules.toml, {rule.name!r}: direction {rule.direction!r} is unknown")
    if not (1 <= rule.priority <= 3 and 1 <= rule.priority_in_session <= 3):
        raise ConfigurationError(f"rules.toml, {rule.name!r}: priorities are 1, 2 or 3")
    if not (1 <= rule.open_after <= 255 and 1 <= rule.close_after <= 255):
        raise ConfigurationError(f"rules.toml, {rule.name!r}: open_after and close_after are 1 to 255")
    needs: Mapping[str, bool] = {
        "threshold": rule.below is not None or rule.above is not None,
        "anomaly": rule.z > 0 and rule.new_level_after_s >= 0,
        "silence": rule.silent_s > 0 and rule.session_until_s >= rule.session_from_s >= 0,
        "stuck": 0 <= rule.most_still < 1,
        "rate": rule.below is not None or rule.above is not None,
        "joint": rule.z > 0,
        SYSTEM_CHANNEL: not rule.metric,
    }
    if not needs[rule.channel]:
        raise ConfigurationError(f"rules.toml, {rule.name!r}: a {rule.channel} rule lacks its bound")
    if not rule.is_system:
        _check_metric(rule, catalogue)


def _check_metric(rule: Rule, catalogue: Catalogue) -> None:
    """Refuse a channel that cannot judge the rule's metric."""
    is_counter = catalogue.named(rule.metric).kind is MetricKind.COUNTER
    if is_counter and rule.channel in OF_VALUES:
        raise ConfigurationError(
            f"rules.toml, {rule.name!r}: {rule.metric!r} is a counter, and its value says nothing; "
            "use channel 'rate' (or 'silence')"
        )
    if rule.channel == "threshold" and tells_apart(
        catalogue.named(rule.metric), rule.below, rule.above, rule.clear_margin
    ):
        raise ConfigurationError(
            f"rules.toml, {rule.name!r}: its alerts would tell fewer than {K} pupils of a school from one "
            f"another; bounds of {rule.metric!r} (above less clear_margin) are {K} or more"
        )
    if rule.channel == "joint":
        for name in JOINT_METRICS:
            catalogue.named(name)
        if rule.metric not in JOINT_METRICS:
            raise ConfigurationError(
                f"rules.toml, {rule.name!r}: a joint rule's alert is carried by one of "
                f"{', '.join(JOINT_METRICS)}, not by {rule.metric!r}"
            )
