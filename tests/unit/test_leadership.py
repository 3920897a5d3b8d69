"""Leadership's brief: the same digits on page, paper, table and API, and nothing that is not known."""

import csv
import io
from collections import defaultdict
from dataclasses import replace
from datetime import date, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.figures.definitions import FigureName, FigureUnit
from contract.figures.plan import PLAN, CityPlan, parse_plan
from contract.figures.spans import DaySpan, SpanKind, span_pair, trend_weeks
from contract.figures.sums import DayPart, FigureRow, FigureSums, GroupKind, add_sums
from contract.fleet import LEVELS, Fleet
from contract.rule import Rule
from contract.service.metrics import SERVICE_METRICS, Meter
from contract.texts import Language, Texts, parse_texts, write_clock, write_date
from eduops.stories.figure_days import base_rows, day_figures, years_of_rows
from ops_dashboard.charts.marks import PAGE, PAPER, BarMarks, bar, meter, spark, strip
from ops_dashboard.pages.leadership import leadership_page
from ops_dashboard.report.pdf import report_data, report_pdf
from ops_dashboard.told_figures import COVERAGE, FIGURE, figures_of, put_figures
from ops_dashboard.view.leadership.brief import Brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked, BriefData, make_brief
from ops_dashboard.view.leadership.numbers import written
from ops_dashboard.view.leadership.tables import MARK, TableForm, brief_table
from ops_dashboard.view.leadership.worded import UNKNOWN, Wording
from ops_dashboard.view.leadership.wording import worded

DAY = date(2026, 11, 27)
FIRST = date(2026, 8, 31)


@pytest.fixture(scope="module")
def texts() -> Texts:
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def plan() -> CityPlan:
    return parse_plan((files("config") / "targets.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows(city: Fleet, calendar: SchoolCalendar, catalogue: Catalogue) -> list[FigureRow]:
    """A term so far, and today until half past ten."""
    base = base_rows(city, calendar, catalogue)
    found = [r for _, of in years_of_rows(base, calendar, FIRST, DAY - timedelta(1)) for r in of]
    until_us = calendar.moment_us(DAY, time(10, 30))
    return found + day_figures(city, calendar, DAY, 5, until_us).rows(catalogue)


@cache
def _indexed(key: int) -> dict[tuple[GroupKind, str], list[FigureRow]]:
    """Return rows by what stands side by side; `key` is their identity, for rows are many."""
    found: dict[tuple[GroupKind, str], list[FigureRow]] = defaultdict(list)
    for row in _ROWS[key]:
        found[row.kind, row.scope].append(row)
    return found


_ROWS: dict[int, list[FigureRow]] = {}


def sums_of(rows: list[FigureRow], kind: GroupKind, scope: str, span: Any) -> dict[str, FigureSums]:
    groups: dict[str, list[FigureSums]] = {}
    _ROWS[id(rows)] = rows
    for row in _indexed(id(rows))[kind, scope]:
        if span is not None and span.first <= row.day <= span.last:
            groups.setdefault(row.member, []).append(row.sums)
    return {member: add_sums(sums) for member, sums in groups.items()}


def brief_of(
    rows: list[FigureRow],
    brand: Brand,
    kind: SpanKind = SpanKind.DAY,
    by: GroupKind = GroupKind.CLUSTER,
    scope: str = "",
    day: date = DAY,
) -> Brief:
    return brief_asked(rows, brand, BriefAsked(kind, day, by, scope))


def brief_asked(rows: list[FigureRow], brand: Brand, asked: BriefAsked) -> Brief:
    kind, day, by, scope, *_ = asked
    pair = span_pair(brand.calendar, kind, day)
    data = BriefData(
        [r for r in rows if r.kind is GroupKind.CITY and r.day <= day],
        (sums_of(rows, GroupKind.CLUSTER, "", pair.now), sums_of(rows, GroupKind.CLUSTER, "", pair.before)),
        (sums_of(rows, by, scope, pair.now), sums_of(rows, by, scope, pair.before)),
        [sums_of(rows, by, scope, week) for week in trend_weeks(day)],
        {c.code: sums_of(rows, GroupKind.ISP, c.code, pair.now) for c in brand.fleet.clusters},
        [],
        [],
    )
    return make_brief(asked, data, brand)


@pytest.fixture(scope="module")
def brand(city: Fleet, calendar: SchoolCalendar, plan: CityPlan) -> Brand:
    return Brand(city, calendar, plan, 0.8)


@pytest.fixture(scope="module")
def brief(rows: list[FigureRow], brand: Brand) -> Brief:
    return brief_of(rows, brand)


def wording(texts: Texts, brand: Brand, language: Language = Language.VI) -> Wording:
    rules: dict[str, Rule] = {}
    return Wording(texts, language, brand.calendar.timezone, brand.fleet, rules)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", SpanKind)
def test_page_paper_table_and_api_agree_to_the_digit(
    rows: list[FigureRow], brand: Brand, texts: Texts, language: Language, kind: SpanKind
) -> None:
    brief = brief_of(rows, brand, kind)
    words = worded(brief, wording(texts, brand, language), PAGE)
    page = msgspec.json.encode(leadership_page(texts, language, brief, words, {}), enc_hook=_plain)
    shown = page.decode()
    on_paper = worded(brief, wording(texts, brand, language), PAPER)
    data = report_data(on_paper, texts, language)["brief"]
    api = msgspec.json.decode(msgspec.json.encode(brief))
    tables = {form: read_table(brief_table(brief, texts, language, form), form) for form in TableForm}
    for nth, card in enumerate(api["cards"]):
        unit, name = FigureUnit(card["unit"]), card["name"]
        value = card["figure"]["value"]
        title = texts.say(f"measure.{name}", language)
        assert data["cards"][nth]["title"] == title
        if value is None:
            assert data["cards"][nth]["value"] == UNKNOWN
            assert {tables[form][title, ""] for form in TableForm} == {""}
            continue
        digits = written(value, unit, name)
        assert data["cards"][nth]["value"] == words.cards[nth].value == digits.words(language)
        assert f'"{digits.words(language)}"' in shown
        assert tables[TableForm.PLAIN][title, ""] == digits.plain(".")
        assert tables[TableForm.EXCEL][title, ""] == digits.plain(",")
    for group, line in zip(api["comparison"]["groups"], data["comparison"]["bars"], strict=True):
        if group["figure"]["value"] is not None:
            digits = written(group["figure"]["value"], FigureUnit.MINUTES)
            assert line["value"] == digits.words(language)
            title = texts.say("measure.lost_each", language)
            assert tables[TableForm.EXCEL][title, group["name"]] == digits.plain(",")
    assert [h["value"] for h in data["headlines"]] == [h.value for h in words.headlines]
    assert sum(card["figure"]["value"] is not None for card in api["cards"]) >= (
        5 if kind is SpanKind.WEEK else 4
    )


def test_prometheus_is_told_the_same_figures_and_none_that_is_unknown(brief: Brief) -> None:
    meter_of = Meter()
    put_figures(figures_of(brief), meter_of)
    named = {metric.name: metric for metric in SERVICE_METRICS}
    told = {labels[0]: value for labels, value in meter_of.values(named[FIGURE])}
    covered = {labels[0]: value for labels, value in meter_of.values(named[COVERAGE])}
    api = msgspec.json.decode(msgspec.json.encode(brief))
    shown = {card["name"]: card["figure"] for card in api["cards"]}
    shown["lost"] = next(one["lost"] for one in api["headlines"] if one["span"] == "day")
    assert {
        name: figure["value"] for name, figure in shown.items() if figure["value"] is not None
    }.items() <= (told.items())
    assert not {name for name, figure in shown.items() if figure["value"] is None} & set(told)
    assert covered["availability"] == shown["availability"]["known"] / shown["availability"]["expected"]
    put_figures({}, meter_of)
    assert list(meter_of.values(named[FIGURE])) == []


def _plain(value: Any) -> Any:
    return value.to_plotly_json()


def read_table(text: str, form: TableForm) -> dict[tuple[str, str], str]:
    """Return the value of each figure and group."""
    assert text.startswith(MARK) is (form is TableForm.EXCEL)
    table = csv.reader(
        io.StringIO(text.removeprefix(MARK)), delimiter=";" if form is TableForm.EXCEL else ","
    )
    return {(row[0], row[1]): row[2] for row in table}


def test_the_day_in_a_sentence(brief: Brief, texts: Texts, brand: Brand) -> None:
    said = worded(brief, wording(texts, brand), PAGE).sentence
    n = round(brief.sums["open_schools"] - brief.sums["down_schools"] - brief.sums["unknown_schools"])
    assert f"Đến 10:30, {n}/{round(brief.sums['open_schools'])} trường có mạng" in said
    assert "Chuyên cần buổi sáng" in said
    assert "trường chưa nộp" in said


def test_a_day_so_far_is_beside_the_same_hours_of_last_week(brief: Brief, rows: list[FigureRow]) -> None:
    (before,) = [
        r for r in rows if r.kind is GroupKind.CITY and r.part is DayPart.DAY and r.day == DAY - timedelta(7)
    ]
    assert brief.headlines[0].before == pytest.approx(sum(before.profile[:42]))
    assert 0 < sum(before.profile[:42]) < sum(before.profile)


def test_spans_and_those_before(calendar: SchoolCalendar) -> None:
    day = span_pair(calendar, SpanKind.DAY, DAY)
    week = span_pair(calendar, SpanKind.WEEK, DAY)
    term = span_pair(calendar, SpanKind.TERM, DAY)
    assert day.before == (DAY - timedelta(7), DAY - timedelta(7))
    assert (week.now, week.before) == (
        (date(2026, 11, 23), DAY),
        (date(2026, 11, 16), DAY - timedelta(7)),
    )
    assert (term.now, term.before) == ((date(2026, 9, 5), DAY), (date(2025, 9, 5), date(2025, 11, 27)))
    weeks = trend_weeks(DAY)
    assert (len(weeks), weeks[0].first, weeks[-1]) == (12, date(2026, 9, 7), (date(2026, 11, 23), DAY))


def test_too_little_history_is_said_and_not_compared(
    rows: list[FigureRow], brand: Brand, texts: Texts
) -> None:
    young = [r for r in rows if r.day >= DAY - timedelta(1)]
    brief = brief_of(young, brand, SpanKind.TERM)
    words = worded(brief, wording(texts, brand), PAGE)
    assert [h.before for h in brief.headlines] == [None, None, None]
    assert "chưa có kỳ trước" in words.headlines[2].before
    assert "có số liệu 2/" in words.headlines[2].note
    assert words.questions == []
    nothing = worded(brief_of([], brand), wording(texts, brand), PAGE)
    assert nothing.sentence == texts.say("leadership.no_history", Language.VI)
    assert {card.value for card in nothing.cards} == {UNKNOWN}


def test_a_group_of_which_too_little_is_known_is_last_and_has_no_value(
    rows: list[FigureRow], brand: Brand, texts: Texts
) -> None:
    code = brand.fleet.clusters[0].code
    dark = [
        r._replace(sums=r.sums._replace(up_min=0.0, lost_min=0.0))
        if (r.kind, r.member) == (GroupKind.CLUSTER, code)
        else r
        for r in rows
    ]
    words = worded(brief_of(dark, brand), wording(texts, brand), PAGE)
    last = words.comparison.bars[-1]
    assert (last.member, last.value) == (code, UNKNOWN)
    assert brand.fleet.clusters[0].name in words.unknown
    assert code not in {one.member for one in brief_of(dark, brand).questions}


def test_groups_within_a_cluster_have_a_way_back(rows: list[FigureRow], brand: Brand) -> None:
    busiest = max(
        brand.fleet.clusters,
        key=lambda c: sum(
            brand.fleet.ward_by_code[s.ward_code].cluster_code == c.code for s in brand.fleet.schools
        ),
    )
    comparison = brief_of(rows, brand, SpanKind.WEEK, GroupKind.WARD, busiest.code).comparison
    assert [place.name for place in comparison.way] == ["", busiest.name]
    wards = {w.code for w in brand.fleet.wards if w.cluster_code == busiest.code}
    assert {g.member for g in comparison.groups} <= wards
    assert len(comparison.groups) > 1
    assert all(g.pupils >= 10 for g in comparison.groups)


def test_what_changed_most_is_asked_first(brief: Brief) -> None:
    changes = [abs(q.now - q.before) for q in brief.questions]
    assert len(changes) == 3
    assert changes == sorted(changes, reverse=True)
    worst = next(q for q in brief.questions if q.now > 0)
    assert worst.isp
    assert 0 < worst.isp_share <= 1


@pytest.mark.parametrize(
    ("figure", "benchmark", "aim"),
    [
        (FigureName.ADEQUATE, "un", 1.0),
        (FigureName.ADEQUATE, PLAN, 0.93),
        (FigureName.ADEQUATE, "nation", None),
        (FigureName.AVAILABILITY, "un", None),
        (FigureName.LOST_EACH, "un", None),
    ],
)
def test_a_benchmark_is_chosen_and_said_on_page_paper_and_table(
    rows: list[FigureRow], brand: Brand, texts: Texts, figure: FigureName, benchmark: str, aim: float | None
) -> None:
    asked = BriefAsked(SpanKind.DAY, DAY, GroupKind.CLUSTER, figure=figure, benchmark=benchmark)
    brief = brief_asked(rows, brand, asked)
    told = worded(brief, wording(texts, brand), PAPER)
    words = told.comparison
    assert brief.comparison.aim.value == aim
    page = leadership_page(texts, Language.VI, brief, told, {"benchmark": benchmark})
    shown = msgspec.json.encode(page, enc_hook=_plain).decode()
    assert f"/api/leadership.pdf?benchmark={benchmark}&" in shown
    assert words.whole in shown
    names = {PLAN: "Kế hoạch thành phố", "un": "Liên Hợp Quốc", "nation": "Cả nước"}
    paper = report_data(told, texts, Language.VI)["brief"]["comparison"]
    assert names[benchmark] in words.whole == paper["whole"]
    assert ("chưa có mốc" in words.whole) is (aim is None)
    assert all(one.is_bad is False for one in words.bars) or aim is not None
    lines = brief_table(brief, texts, Language.VI, TableForm.PLAIN).splitlines()
    first = brief.comparison.groups[0]
    (line,) = [
        one for one in lines if one.startswith(f"{texts.say(f'measure.{figure}', Language.VI)},{first.name},")
    ]
    assert (names[benchmark] in line) is (aim is not None)


def test_minutes_that_a_benchmark_allows_follow_from_its_availability(
    rows: list[FigureRow], brand: Brand
) -> None:
    comparison = brief_of(rows, brand).comparison
    (sums,) = sums_of(rows, GroupKind.CITY, "", DaySpan(DAY, DAY)).values()
    assert comparison.aim.value == pytest.approx(0.005 * sums.pupil_min / sums.pupils)


def test_what_is_compared_has_the_weeks_of_its_figure(
    rows: list[FigureRow], brand: Brand, texts: Texts
) -> None:
    brief = brief_asked(
        rows, brand, BriefAsked(SpanKind.WEEK, DAY, GroupKind.ISP, figure=FigureName.AVAILABILITY)
    )
    words = worded(brief, wording(texts, brand), PAPER).comparison
    for group, one in zip(brief.comparison.groups, words.bars, strict=True):
        assert len(group.weeks) == 12
        assert group.weeks[-1] == group.figure.value, "the running week is the span that is asked for"
        assert one.weeks.count("<polyline") == 1
    assert texts.say("leadership.bars_weeks", Language.VI) in words.bars_are


def test_the_bar_of_a_share_is_what_is_missing(rows: list[FigureRow], brand: Brand, texts: Texts) -> None:
    asked = BriefAsked(SpanKind.WEEK, DAY, GroupKind.CLUSTER, figure=FigureName.ATTENDANCE)
    brief = brief_asked(rows, brand, asked)
    words = worded(brief, wording(texts, brand), PAPER).comparison
    lengths = [float(b.svg.split('width="')[2].split('"')[0]) for b in words.bars if b.value != UNKNOWN]
    values = [g.figure.value for g in brief.comparison.groups if g.figure.value is not None]
    assert values == sorted(values)
    assert lengths == sorted(lengths, reverse=True)
    assert "còn thiếu" in words.bars_are


def test_the_plan_and_the_benchmarks_stand_beside_each_figure(
    brief: Brief, texts: Texts, brand: Brand
) -> None:
    words = worded(brief, wording(texts, brand), PAGE)
    assert words.benchmarks == ["Kế hoạch thành phố", "Cả nước", "Liên Hợp Quốc"]
    adequate = next(one for one in words.standings if one.title == "Băng thông đủ chuẩn")
    assert adequate.aims == ["93,0 %", "chưa có", "100,0 %"]
    assert adequate.coming == "95,0 % đến 31/12/2026"
    assert any("Liên Hợp Quốc: ITU" in one for one in adequate.sources)


def test_names_are_data_on_paper(rows: list[FigureRow], brand: Brand, texts: Texts) -> None:
    """Nothing that an operator names is markup: not of typst, not of SVG, not a formula."""
    evil = '=#panic("x") *_<script>$'
    clusters = (replace(brand.fleet.clusters[0], name=evil), *brand.fleet.clusters[1:])
    fleet = Fleet("79", clusters, brand.fleet.wards, brand.fleet.schools, brand.fleet.devices)
    brief = brief_of(rows, brand._replace(fleet=fleet))
    words = worded(brief, wording(texts, brand._replace(fleet=fleet)), PAPER)
    document = report_pdf(words, texts, Language.VI)
    assert document.startswith(b"%PDF-")
    table = brief_table(brief, texts, Language.VI, TableForm.PLAIN)
    assert f"'{evil}".replace('"', '""') in table


def test_marks_are_drawn_of_what_is_known() -> None:
    line = spark([1.0, None, 2.0, 3.0, None], 2.5, PAGE)
    assert (line.count("<polyline"), line.count("<circle"), line.count("dasharray")) == (1, 1, 1)
    assert "<polyline" not in spark([None] * 12, 1.0, PAGE)
    dots = strip([1.0, 1.0, 1.0, 2.0], 1.5, None, PAPER)
    heights = {part.split('"')[0] for part in dots.split('cy="')[1:]}
    assert (dots.count("<circle"), len(heights)) == (4, 3)
    assert PAPER.bad in meter(3.0, 2.0, 1.0, PAPER)
    assert PAPER.bad not in bar(BarMarks(1.0, None, 2.0, 1.5, is_bad=False), 3.0, PAPER)
    assert bar(BarMarks(1.0, 2.5, 2.0, 1.5, is_bad=True), 3.0, PAPER).count("<line") == 4
    assert "<rect" not in meter(None, None, 1.0, PAGE)


def test_a_target_moves_along_its_steps(plan: CityPlan) -> None:
    adequate = plan.figures[FigureName.ADEQUATE]
    assert [adequate.on(day) for day in (DAY, date(2026, 12, 31), date(2031, 1, 1))] == [0.93, 0.95, 1.0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[plan.nothing]\nvalue = 1.0\nsource = "x"\n[response_s]', "nothing"),
        ("[plan]\n[response_s]\nrepair = 60", "repair"),
        ("[plan.use]\nvalue = 'x'", "value"),
        ('[benchmark.un]\nname_vi = "x"\nname_en = "x"\n[benchmark.un.figure.use]\nvalue = 1.0', "source"),
        ('[benchmark.plan]\nname_vi = "x"\nname_en = "x"', "'plan'"),
        ('[benchmark."a&b"]\nname_vi = "x"\nname_en = "x"', "a&b"),
    ],
)
def test_a_wrong_target_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        parse_plan(text)


def test_a_young_store_says_when_its_figures_come_and_from_when_on_they_are_compared(
    rows: list[FigureRow], brand: Brand, texts: Texts
) -> None:
    def told(kept: list[FigureRow], day: date = DAY, now_us: int = 0) -> tuple[Brief, str]:
        asked = BriefAsked(SpanKind.DAY, day, GroupKind.CLUSTER, now_us=now_us)
        brief = brief_asked(kept, brand, asked)
        return brief, worded(brief, wording(texts, brand), PAGE).history

    assert told(rows)[1] == ""
    calendar = brand.calendar
    begins_us = min(s.start_us for level in range(len(LEVELS)) for s in calendar.sessions(level, DAY))
    brief, said = told([])
    assert (brief.since, brief.first_us) == (None, begins_us + 900_000_000)
    assert f"khoảng {write_clock(brief.first_us, Language.VI, calendar.timezone)[:5]}" in said
    # Of a store that begins in the middle of a session the next quarter of an hour is the first.
    assert told([], now_us=begins_us + 3_700_000_000)[0].first_us == begins_us + 4_500_000_000
    brief, said = told([row for row in rows if row.day == DAY])
    assert (brief.since, brief.first_us) == (DAY, 0)
    assert set(brief.compared_from) == {SpanKind.DAY, SpanKind.WEEK}
    assert brief.compared_from[SpanKind.DAY] > DAY
    for kind, on in brief.compared_from.items():
        before = span_pair(calendar, kind, on).before
        assert before is not None
        assert before.last >= DAY
        assert f"{on:%d/%m/%Y}" in said
    # On a day without lessons a store of weeks is none: the next school day is compared.
    sunday = DAY - timedelta(DAY.isoweekday())
    brief, said = told([row for row in rows if row.day < sunday], sunday)
    assert (sunday.isoweekday(), dict(brief.compared_from)) == (7, {})
    assert said == f"Số liệu tiếp theo có lúc khoảng {_clock(brief, calendar)}, {_day(brief, calendar)}."


def _clock(brief: Brief, calendar: SchoolCalendar) -> str:
    return write_clock(brief.first_us, Language.VI, calendar.timezone)[:5]


def _day(brief: Brief, calendar: SchoolCalendar) -> str:
    return write_date(brief.first_us, Language.VI, calendar.timezone)
