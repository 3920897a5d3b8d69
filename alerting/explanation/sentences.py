"""An explanation in sentences of both languages, short enough for a phone (pure)."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from alerting.explanation.evidence import Explanation, PeerKind, Peers, SharedCause
from alerting.explanation.verdict import LineFault, Verdict
from contract.alert import Because, Channel, Dismissal
from contract.incident import CauseKind
from contract.rule import CHANNEL_NAMES, Rule
from contract.texts import Language, Texts, write_clock, write_clock_off, write_date, write_number

STATUS_METRIC: Final = "online"
"""The metric that is a state: its 0 and 1 are no quantities to a person."""
SCALES: Final = {
    "bit/s": (1e6, "Mbit/s", 1),
    "ms": (1.0, "ms", 0),
    "/": (0.01, "%", 1),
    "s": (1.0, "s", 0),
    "count": (1.0, "", 0),
}
"""What a SenML unit is divided by, the unit that people read, and decimals; as in the pages' script."""
RATE_DECIMALS: Final = 2
"""Decimals of a change a second: chosen, for errors on a line matter from one in some seconds on."""

WHOLE_HOUR_S: Final = 120.0
"""How far from whole hours a clock may be for its time zone to be the cause: chosen, as `off_s`, what
counts as right."""
MOST_HOURS: Final = 14
"""Hours by which local time is ahead of UTC at most (Line Islands; IANA time zone database)."""


_TO_PROVIDER: Final = (CauseKind.ISP, CauseKind.ISP_CLUSTER, CauseKind.ISP_WARD)
_TO_AREA: Final = (CauseKind.CLUSTER, CauseKind.WARD)
_TO_CENTER: Final = (CauseKind.FLEET, CauseKind.CITY)


class Sentence(msgspec.Struct, frozen=True):
    """One line of an explanation."""

    kind: str
    """verdict, found, since, cause, peers, dismissed, nearby or advice."""
    text: str


def sentences(
    why: Explanation, rule: Rule | None, texts: Texts, language: Language, zone: ZoneInfo
) -> list[Sentence]:
    """Return the lines of an explanation, the most telling first; the advice last.

    Args:
        why: the explanation.
        rule: the alert's rule; None if it is gone, then there is no advice of it.
        texts: all sentences.
        language: of the lines.
        zone: local time zone.
    """
    return list(_Writer(texts, language, zone).lines(why, rule))


class _Writer:
    """Writes in one language."""

    def __init__(self, texts: Texts, language: Language, zone: ZoneInfo) -> None:
        self._texts = texts
        self._language = language
        self._zone = zone

    def lines(self, why: Explanation, rule: Rule | None) -> Iterator[Sentence]:
        if why.verdict is not None:
            yield Sentence("verdict", self._say(f"explain.verdict_{why.verdict.value}"))
        yield Sentence("found", self._found(why))
        if why.channel != "silence":  # its sentence says since when
            yield Sentence("since", self._say("explain.since", at=self._moment(why.since_us)))
        if why.cause is not None:
            yield Sentence("cause", self._cause(why.cause))
        for peers in why.peers:
            yield Sentence("peers", self._peers(peers))
        for dismissal in why.dismissals:
            yield Sentence("dismissed", self._dismissal(dismissal))
        if why.dismissed_nearby:
            yield Sentence("nearby", self._say("explain.nearby", n=self._number(why.dismissed_nearby)))
        advice = self._advice(why, rule)
        if advice:
            yield Sentence("advice", advice)

    def _found(self, why: Explanation) -> str:
        if why.outside:
            return self._say("explain.found_outside", said=why.outside)
        key = f"found_{why.channel}" if why.channel in CHANNEL_NAMES else "found_other"
        if why.metric == STATUS_METRIC and why.channel == "threshold":
            key = "found_offline"
        told = self._say(
            f"explain.{key}",
            value=self._quantity(why.value, why),
            expected=self._range(why),
            at=self._moment(why.since_us),
            off=write_clock_off(why.value or 0.0, self._say, self._language),
        )
        hours = whole_hours(why.value) if why.channel == Channel.CLOCK.name.lower() else 0
        if hours:
            return f"{told} {self._say('explain.clock_hours', n=self._number(abs(hours)))}"
        if why.deviations is None:
            return told
        return f"{told} {self._say('explain.deviations', n=self._number(why.deviations, 1))}"

    def _cause(self, cause: SharedCause) -> str:
        counts = {"n": self._number(cause.schools), "of": self._number(cause.of)}
        return self._say(f"explain.cause_{cause.kind}", isp=cause.isp, place=cause.place, **counts)

    def _peers(self, peers: Peers) -> str:
        name = self._say(f"level.{peers.name}") if peers.kind == PeerKind.LEVEL else peers.name
        group = self._say(f"explain.same_{peers.kind}", name=name)
        key = "explain.only" if peers.failing <= 1 else "explain.some"
        told = self._say(key, group=group, n=self._number(peers.failing), of=self._number(peers.of))
        for key, count in (("explain.elsewhere", peers.elsewhere), ("explain.unknown", peers.unknown)):
            told = f"{told} {self._say(key, n=self._number(count))}" if count else told
        return told

    def _dismissal(self, dismissal: Dismissal) -> str:
        told = self._say(
            "explain.dismissed",
            because=self._say(f"because.{_known_reason(dismissal.because)}"),
            actor=dismissal.actor,
            day=write_date(dismissal.at_us, self._language, self._zone),
        )
        return f"{told} {dismissal.note}".rstrip()

    def _advice(self, why: Explanation, rule: Rule | None) -> str:
        if why.verdict is not None and why.verdict is not Verdict.UNKNOWN:
            return self._say(f"explain.advice_{why.verdict.value}")
        return next_step(why.cause, why.line, rule, self._texts, self._language)

    def _range(self, why: Explanation) -> str:
        low, high = why.expected_low, why.expected_high
        if low is None and high is None:
            return "–"
        if low is None:
            return f"≤ {self._quantity(high, why)}"
        if high is None:
            return f"≥ {self._quantity(low, why)}"
        return f"{self._quantity(low, why)} – {self._quantity(high, why)}"

    def _quantity(self, value: float | None, why: Explanation) -> str:
        if value is None:
            return "–"
        scale, shown, decimals = SCALES.get(why.unit, (1.0, why.unit, 1))
        if why.channel == Channel.RATE.name.lower():
            decimals = RATE_DECIMALS
        return f"{self._number(value / scale, decimals)} {shown}".strip()

    def _moment(self, at_us: int) -> str:
        clock = write_clock(at_us, self._language, self._zone)
        return f"{clock[:5]} {write_date(at_us, self._language, self._zone)}"

    def _number(self, value: float, decimals: int = 0) -> str:
        return write_number(value, self._language, decimals)

    def _say(self, key: str, **values: str) -> str:
        return self._texts.say(key, self._language, **values)


def next_step(
    cause: SharedCause | None, line: LineFault | None, rule: Rule | None, texts: Texts, language: Language
) -> str:
    """Return what to do next: what a shared cause calls for, else what the rule says; empty without a rule.

    Args:
        cause: what several schools share; None for one that stands alone.
        line: what the rule says of lines.
        rule: that of the alert or incident; None if it is gone.
        texts: all sentences.
        language: of the sentence.
    """
    key = "" if cause is None else _shared_step(cause, line)
    if cause is not None and key:
        n = write_number(cause.schools, language)
        return texts.say(key, language, isp=cause.isp, place=cause.place, n=n)
    if rule is None:
        return ""
    return rule.advice_vi if language is Language.VI else rule.advice_en


def whole_hours(off_s: float | None) -> int:
    """Return the hours that a clock is off, 0 unless they are whole: then its time zone is wrong."""
    hours = round((off_s or 0.0) / 3600)
    is_whole = abs((off_s or 0.0) - 3600 * hours) <= WHOLE_HOUR_S
    return hours if is_whole and abs(hours) <= MOST_HOURS else 0


def _shared_step(cause: SharedCause, line: LineFault | None) -> str:
    """Return the text of the next step that a shared cause calls for; empty where the rule's own is right."""
    if cause.kind == CauseKind.PLATFORM:
        return "explain.advice_platform"
    if line is not None and cause.kind in _TO_PROVIDER:
        return "explain.advice_provider"
    if line is not LineFault.LOST:
        return ""
    if cause.kind in _TO_AREA:
        return "explain.advice_area"
    return "explain.advice_center" if cause.kind in _TO_CENTER else ""


def _known_reason(code: str) -> str:
    """Return a reason that has words: one of a later version is another reason."""
    return code if code in list(Because) else Because.OTHER.value
