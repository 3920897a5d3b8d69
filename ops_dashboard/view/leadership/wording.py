"""Says a brief in a language: every number by one rounding, every chart by one hand."""

from datetime import date
from typing import Final

from alerting.messages.names import incident_name, incident_what
from contract.figures.definitions import FigureName, FigureUnit
from contract.figures.spans import SpanKind
from contract.incident import Incident
from contract.texts import write_clock, write_date, write_number
from ops_dashboard.charts.marks import Ink, meter, spark, strip
from ops_dashboard.view.leadership.brief import (
    Brief,
    BriefFigure,
    FigureCard,
    GroupFigure,
    Headline,
    Question,
)
from ops_dashboard.view.leadership.compared import (
    Voice,
    benchmark_name,
    coverage_words,
    worded_comparison,
    worded_standing,
)
from ops_dashboard.view.leadership.numbers import Written, written, written_large
from ops_dashboard.view.leadership.worded import (
    UNKNOWN,
    WordedBrief,
    WordedCard,
    WordedHeadline,
    WordedIncident,
    WordedQuestion,
    Wording,
)

UNITS_BESIDE: Final = {
    "dose": FigureUnit.MINUTES,
    "response": FigureUnit.MILLISECONDS,
    "detect": FigureUnit.MINUTES,
    "notify": FigureUnit.MINUTES,
    "resolve": FigureUnit.MINUTES,
}
"""Of figures that stand beside others; all others are shares."""
METHOD: Final = (
    "leadership.method_lost",
    "leadership.method_coverage",
    "leadership.method_privacy",
    "leadership.method_line",
)


def worded(brief: Brief, wording: Wording, ink: Ink) -> WordedBrief:
    """Return a brief in words, with its charts in some colours."""
    return _Words(brief, wording, ink).all()


class _Words:
    def __init__(self, brief: Brief, wording: Wording, ink: Ink) -> None:
        self._brief, self._ink, self._wording = brief, ink, wording
        self._texts, self._language, self._zone, *_ = wording
        self._voice = Voice(self._texts, self._language, self._zone, ink)

    def all(self) -> WordedBrief:
        brief = self._brief
        return WordedBrief(
            self._say(f"leadership.title_{brief.span}", day=self._day()),
            self._until(),
            self.sentence(),
            self._marks(),
            [self._headline(one) for one in brief.headlines],
            [self._card(card) for card in brief.cards],
            worded_comparison(brief.comparison, self._voice),
            [benchmark_name(aim, self._texts, self._language) for aim in brief.standings[0].aims]
            if brief.standings
            else [],
            [worded_standing(one, self._voice) for one in brief.standings],
            [self._question(one) for one in brief.questions],
            self._history(),
            self._dark(),
            self._incidents(),
            [self._say(key) for key in METHOD],
        )

    def _dark(self) -> str:
        """Return of which groups it is not known what they lost."""
        comparison = self._brief.comparison
        if comparison.figure != FigureName.LOST_EACH:
            return ""
        dark = [g.name for g in comparison.groups if g.figure.value is None]
        names = ", ".join(dark[:5])
        return self._say("leadership.not_compared", names=names, n=str(len(dark))) if dark else ""

    def sentence(self) -> str:
        """Return the day in a sentence or two, with what is unknown."""
        brief, n = self._brief, self._number
        if brief.since is None:
            return self._say("leadership.no_history")
        if not brief.is_school_day:
            return self._say("leadership.no_school", day=self._day())
        sums = brief.sums
        if not sums["open_schools"]:
            return self._say("leadership.before_school", day=self._day())
        all_schools, unknown = round(sums["open_schools"]), round(sums["unknown_schools"])
        down = round(sums["down_schools"])
        known = all_schools - down - unknown
        key = "leadership.schools_online" if known or not unknown else "leadership.none_whole"
        said = [self._say(key, at=self._clock(brief.through_us), n=n(known), all=n(all_schools))]
        if down:
            each = sums["lost_pupil_min"] / sums["down_pupils"] if sums["down_pupils"] else 0.0
            said.append(
                self._say(
                    "leadership.schools_down",
                    n=n(down),
                    pupils=n(sums["down_pupils"]),
                    minutes=n(each),
                )
            )
        if 0 < unknown < all_schools:
            said.append(self._say("leadership.schools_unknown", n=n(unknown)))
        key = "leadership.incidents_open" if brief.open_incidents else "leadership.incidents_none"
        said.append(self._say(key, n=n(brief.open_incidents)))
        return " ".join([*said, self._attendance()])

    def _attendance(self) -> str:
        brief = self._brief
        if not brief.part:
            return ""
        part = self._say(f"leadership.part_{brief.part}")
        value = brief.attendance.value
        if value is None:
            return self._say(
                "leadership.attendance_unknown", part=part, missing=self._number(brief.missing_registers)
            )
        share = written(value, FigureUnit.SHARE).words(self._language)
        return self._say(
            "leadership.attendance_known",
            part=part,
            share=share,
            missing=self._number(brief.missing_registers),
        )

    def _history(self) -> str:
        """Return what a young store cannot tell yet, and when it can."""
        brief, said = self._brief, []
        if brief.since is not None and brief.compared_from:
            is_today = brief.since == brief.day
            key = "leadership.known_today" if is_today else "leadership.known_since"
            said.append(self._say(key, day=self._date(brief.since)))
        if brief.first_us:
            at, day = self._clock(brief.first_us), self._dated(brief.first_us)
            key = "leadership.figures_from" if brief.since is None else "leadership.figures_next"
            said.append(self._say(key, at=at, day=day))
        said += [
            self._say(f"leadership.compared_{kind}", day=self._date(day))
            for kind, day in brief.compared_from.items()
        ]
        return " ".join(said)

    def _dated(self, at_us: int) -> str:
        return write_date(at_us, self._language, self._zone)

    def _marks(self) -> list[str]:
        """Return what is wrong, in a few words each."""
        sums = self._brief.sums
        found = [
            ("leadership.mark_down", sums["down_schools"]),
            ("leadership.mark_unknown", sums["unknown_schools"]),
        ]
        found.insert(0, ("leadership.mark_incidents", self._brief.open_incidents))
        return [self._say(key, n=self._number(n)) for key, n in found if n]

    def _headline(self, one: Headline) -> WordedHeadline:
        value = one.lost.value
        shown = None if value is None else written_large(value)
        title = self._say(f"leadership.lost_{one.span}", day=self._date(one.first))
        return WordedHeadline(
            title,
            UNKNOWN if shown is None else shown.words(self._language),
            "" if shown is None else self._say(shown.unit),
            self._before(one),
            "" if one.allowed is None else self._say("leadership.allowed", n=self._large(one.allowed)),
            self._note(one),
            value is not None and one.allowed is not None and value > one.allowed,
            meter(value, one.before, one.allowed, self._ink),
        )

    def _before(self, one: Headline) -> str:
        if one.lost.value is None:
            return self._say("leadership.lost_unknown")
        if one.before is None:
            return self._say("leadership.no_before")
        before = self._large(one.before)
        now, earlier = one.lost.value, one.before
        if abs(now - earlier) < 0.005 * max(now, earlier, 1.0):
            return self._say("leadership.same_as_before", before=before)
        if earlier <= 0:
            return self._say("leadership.more_than_nothing")
        if now >= 2 * earlier:
            return self._say(
                "leadership.times_before", n=write_number(now / earlier, self._language, 1), before=before
            )
        key = "leadership.more_than_before" if now > earlier else "leadership.less_than_before"
        return self._say(key, n=self._number(100 * abs(now / earlier - 1)), before=before)

    def _note(self, one: Headline) -> str:
        parts = []
        if one.each is not None:
            each = written(one.each, FigureUnit.MINUTES).words(self._language)
            parts.append(self._say("leadership.each", n=each))
        if one.days_known < one.days:
            known, days = self._number(one.days_known), self._number(one.days)
            parts.append(self._say("leadership.days_known", known=known, days=days))
        return " · ".join(parts)

    def _card(self, card: FigureCard) -> WordedCard:
        value, known = card.figure.value, [g for g in card.groups if g.figure.value is not None]
        shown = None if value is None else self._written(card, value)
        aim = card.target
        values = [g.figure.value for g in known if g.figure.value is not None]
        missed = 0 if aim is None else sum(v < aim if card.is_better_high else v > aim for v in values)
        return WordedCard(
            self._say(f"measure.{card.name}"),
            self._say(f"leadership.span_{self._brief.span}"),
            UNKNOWN if shown is None else shown.words(self._language),
            "" if shown is None else self._say(shown.unit),
            self._target(card),
            card.is_missed,
            [self._beside(name, figure) for name, figure in card.beside.items()],
            self._say("leadership.twelve_weeks"),
            spark(card.weeks, aim, self._ink),
            self._say(
                "leadership.clusters_known",
                known=str(len(known)),
                all=str(len(card.groups)),
                missed=str(missed),
            )
            if card.groups
            else "",
            strip(values, value, aim, self._ink),
            self._named(card, known[0]) if known else "",
            self._named(card, known[-1]) if len(known) > 1 else "",
            coverage_words(card.figure, card.name, self._voice),
            self._say("leadership.until", at=self._clock(card.through_us)) if card.through_us else UNKNOWN,
        )

    def _written(self, card: FigureCard, value: float) -> Written:
        return written(value, card.unit, card.name)

    def _named(self, card: FigureCard, group: GroupFigure) -> str:
        return f"{group.name} {self._written(card, group.figure.value or 0.0).words(self._language)}"

    def _target(self, card: FigureCard) -> str:
        if card.target is None:
            return self._say("leadership.no_target")
        shown = self._written(card, card.target)
        key = "leadership.target_at_least" if card.is_better_high else "leadership.target_at_most"
        return self._say(key, n=shown.words(self._language), unit=self._say(shown.unit))

    def _beside(self, name: str, figure: BriefFigure) -> str:
        unit = UNITS_BESIDE.get(name, FigureUnit.SHARE)
        shown = None if figure.value is None else written(figure.value, unit, name)
        words = UNKNOWN if shown is None else f"{shown.words(self._language)} {self._say(shown.unit)}"
        return f"{self._say(f'measure.{name}')}: {words}"

    def _question(self, one: Question) -> WordedQuestion:
        is_worse = one.now > one.before
        earlier, now = (written(v, FigureUnit.MINUTES).words(self._language) for v in (one.before, one.now))
        key = "leadership.rose" if is_worse else "leadership.fell"
        share = written(one.isp_share, FigureUnit.SHARE).words(self._language)
        why = self._say("leadership.nothing_lost")
        if one.isp:
            why = self._say("leadership.why_isp", isp=one.isp, share=share)
        ask = self._say("leadership.ask_worse" if is_worse else "leadership.ask_better", isp=one.isp)
        if not one.isp:
            ask = self._say("leadership.ask_keep")
        return WordedQuestion(
            one.name, self._say(key, before=earlier, now=now), is_worse, why, ask, one.incident_id
        )

    def _incidents(self) -> list[WordedIncident]:
        return [self._incident(one) for one in self._brief.incidents]

    def _incident(self, one: Incident) -> WordedIncident:
        fleet, rules = self._wording.fleet, self._wording.rules
        is_dated = self._brief.span != SpanKind.DAY
        end_us = one.quiet_at_us or one.ended_at_us
        return WordedIncident(
            one.incident_id,
            incident_name(one, fleet, self._texts, self._language),
            incident_what(one, fleet, rules, self._texts, self._language),
            self._clock(one.began_at_us, is_dated=is_dated),
            self._say("leadership.open") if end_us is None else self._clock(end_us, is_dated=is_dated),
            self._number(one.most_schools),
            self._number(one.most_pupils),
            self._large(one.lost_pupil_s / 60),
            one.assignee or one.acknowledged_by or UNKNOWN,
        )

    def _large(self, value: float) -> str:
        shown = written_large(value)
        return f"{shown.words(self._language)} {self._say(shown.unit)}"

    def _until(self) -> str:
        at_us = self._brief.through_us
        if not at_us:
            return self._say("leadership.no_figures")
        return self._say("leadership.until_day", at=self._clock(at_us), day=self._day())

    def _day(self) -> str:
        weekday = self._say(f"weekday.{self._brief.day.weekday()}")
        return f"{weekday} {self._date(self._brief.day)}"

    def _clock(self, at_us: int, *, is_dated: bool = False) -> str:
        clock = write_clock(at_us, self._language, self._zone)[:5]
        return f"{clock} {self._dated(at_us)[:-5]}" if is_dated else clock

    def _number(self, n: float) -> str:
        return write_number(n, self._language)

    def _date(self, day: date) -> str:
        return self._voice.write_day(day)

    def _say(self, key: str, **values: str) -> str:
        return self._texts.say(key, self._language, **values)
