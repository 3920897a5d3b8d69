"""The comparison, and figures beside what the plan and others want of them, in words and bars."""

from datetime import date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from contract.figures.definitions import FigureUnit
from contract.figures.plan import PLAN
from contract.figures.sums import GroupKind
from contract.texts import Language, Texts, write_date, write_number
from ops_dashboard.charts.marks import BarMarks, Ink, bar
from ops_dashboard.view.leadership.brief import Aim, BriefFigure, Comparison, GroupFigure, Standing
from ops_dashboard.view.leadership.numbers import written
from ops_dashboard.view.leadership.worded import UNKNOWN, WordedBar, WordedComparison, WordedStanding

OF_ALL: Final = frozenset(
    {
        *("availability", "contract_kept", "adequate", "good", "excellent", "proven"),
        *("attendance", "submitted", "weekly_reach", "success", "synced"),
    }
)
"""Shares that would best be whole: a bar is what is missing, so that the longest is the worst, and 96 beside
97 is seen."""
COVERED_BY: Final = {
    "adequate": "leadership.covered_schools",
    "attendance": "leadership.covered_schools",
    "stickiness": "leadership.covered_schools",
    "success": "leadership.covered_schools",
    "acknowledge": "leadership.covered_incidents",
}
"""What the coverage of a figure counts; of the others minutes of the school calendar."""
_NOON: Final = time(12)


class Voice(NamedTuple):
    """In which language, at which place, and in which colours."""

    texts: Texts
    language: Language
    zone: ZoneInfo
    ink: Ink

    def say(self, key: str, **values: str) -> str:
        """Return a text."""
        return self.texts.say(key, self.language, **values)

    def write_day(self, day: date) -> str:
        """Return a date."""
        at_us = int(datetime.combine(day, _NOON, self.zone).timestamp()) * 1_000_000
        return write_date(at_us, self.language, self.zone)

    def write(self, value: float | None, unit: FigureUnit, name: str) -> str:
        """Return a value with its unit; a dash for none."""
        if value is None:
            return UNKNOWN
        shown = written(value, unit, name)
        word = self.say(shown.unit)
        return f"{shown.words(self.language)}{' ' if word else ''}{word}"


def benchmark_name(aim: Aim, texts: Texts, language: Language) -> str:
    """Return whose number it is."""
    if aim.benchmark == PLAN:
        return texts.say("leadership.benchmark_plan", language)
    return aim.name_vi if language is Language.VI else aim.name_en


def group_name(group: GroupFigure, kind: str, texts: Texts, language: Language) -> str:
    """Return what a group is called; levels have a word of each language."""
    return texts.say(f"level.{group.member}", language) if kind == GroupKind.LEVEL else group.name


def coverage_words(figure: BriefFigure, name: str, voice: Voice) -> str:
    """Return what a figure rests on."""
    if figure.expected <= 0:
        return voice.say("leadership.nothing_expected")
    share = written(figure.known / figure.expected, FigureUnit.SHARE).words(voice.language)
    known, expected = (write_number(n, voice.language) for n in (figure.known, figure.expected))
    key = COVERED_BY.get(name, "leadership.covered")
    return voice.say(key, share=share, known=known, expected=expected)


def worded_comparison(comparison: Comparison, voice: Voice) -> WordedComparison:
    """Return a comparison in words, with a bar a group."""
    benchmark = benchmark_name(comparison.aim, voice.texts, voice.language)
    bars = "leadership.bars_missing" if comparison.figure in OF_ALL else "leadership.bars_value"
    return WordedComparison(
        voice.say("leadership.compare_by", groups=voice.say(f"leadership.compare_{comparison.kind}")),
        _title(comparison.figure, voice),
        voice.say(bars),
        _whole(comparison, benchmark, voice),
        _bars(comparison, voice),
    )


def _title(name: str, voice: Voice) -> str:
    said = voice.say(f"measure.{name}")
    return said[:1].upper() + said[1:]


def _whole(comparison: Comparison, benchmark: str, voice: Voice) -> str:
    unit, name, aim = comparison.unit, comparison.figure, comparison.aim
    whole = voice.say("leadership.whole_unknown")
    if comparison.whole.value is not None:
        whole = voice.say("leadership.whole", n=voice.write(comparison.whole.value, unit, name))
    if aim.value is None:
        return f"{whole} {voice.say('leadership.no_benchmark', name=benchmark)}"
    key = "leadership.aim_at_least" if comparison.is_better_high else "leadership.aim_at_most"
    wanted = voice.say(key, name=benchmark, n=voice.write(aim.value, unit, name), source=aim.source)
    return f"{whole} {wanted}"


def _bars(comparison: Comparison, voice: Voice) -> list[WordedBar]:
    is_missing = comparison.figure in OF_ALL

    def place(value: float | None) -> float | None:
        return 1.0 - value if is_missing and value is not None else value

    shown = [v for g in comparison.groups for v in (g.figure.value, g.before)]
    shown += [comparison.whole.value, comparison.aim.value]
    most = max((p for v in shown if (p := place(v)) is not None), default=0.0)
    least = 0.1 if comparison.unit is not FigureUnit.SHARE else 0.01

    def drawn(group: GroupFigure) -> WordedBar:
        value, aim = group.figure.value, comparison.aim.value
        is_bad = value is not None and aim is not None and (value < aim) is comparison.is_better_high
        is_bad = is_bad and value != aim
        marks = BarMarks(
            place(value), place(group.before), place(aim), place(comparison.whole.value), is_bad=is_bad
        )
        return WordedBar(
            group.member,
            group_name(group, comparison.kind, voice.texts, voice.language),
            UNKNOWN
            if value is None
            else written(value, comparison.unit, comparison.figure).words(voice.language),
            is_bad,
            coverage_words(group.figure, comparison.figure, voice) if value is None else "",
            bar(marks, max(most, least), voice.ink),
        )

    return [drawn(group) for group in comparison.groups]


def worded_standing(one: Standing, voice: Voice) -> WordedStanding:
    """Return a figure beside what the plan and each benchmark want of it."""
    following = one.aims[0].following
    coming = ""
    if following is not None:
        step, by = voice.write(following.value, one.unit, one.name), voice.write_day(following.by)
        coming = voice.say("leadership.step", n=step, day=by)
    return WordedStanding(
        _title(one.name, voice),
        voice.write(one.figure.value, one.unit, one.name),
        one.is_missed,
        [
            voice.say("leadership.no_number")
            if aim.value is None
            else voice.write(aim.value, one.unit, one.name)
            for aim in one.aims
        ],
        coming,
        [f"{benchmark_name(a, voice.texts, voice.language)}: {a.source}" for a in one.aims if a.source],
    )
