"""What `eduops rules` prints: tables for people, JSON, and JSON lines of what is new and gone."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec

from contract.privacy import shown_value
from contract.series import MAX_METRIC_ID
from evaluation.rewind.budget import Proposal, Tuned
from evaluation.rewind.fold import Opening, Surroundings
from evaluation.rewind.report import AlertLoad, Compared, Report, RewindTerms
from evaluation.rewind.run import Kept

MOST_SHOWN: Final = 5
"""New and gone openings of a rule in the table; --explain has them all."""
FEW_HOURS: Final = 15.0
"""School hours below which a proposal is doubted: chosen, two school days."""
_COLUMNS: Final = ("opened", "in school", "schools", "lines", "lines/op·h", "open min", "flood min")
_WIDTH: Final = 15


def render_report(report: Report, kept: Kept, world: Surroundings, *, as_json: bool) -> str:
    """Return what both sets of rules would have told, as JSON or as a table."""
    if as_json:
        return msgspec.json.encode(_document(report, kept, world)).decode()
    lines = [
        _head(report.terms, world, len(world.fleet.schools)),
        *history_lines(report.terms, kept, world),
        "",
        f"{'now → changed':<20}"
        + "".join(f"{head:>{_WIDTH}}" for head in _COLUMNS)
        + f"{'new':>7}{'gone':>7}",
        *[_row(c.rule, c.now, c.changed, c) for c in report.rules if _speaks(c)],
        _row("all", report.total_now, report.total_changed, None),
        *_quiet_line(report),
        "",
        f"lines/op·h: lines that began in school hours ({report.school_hours:.1f} h), an operator and hour; "
        "manageable: 6 (EEMUA 191)",
        *_most_lines(report),
        *_difference_lines(report, world),
        f"{kept.readings:,} readings, read in {kept.read_s:.1f} s, folded twice in {kept.fold_s:.1f} s: "
        f"{kept.readings / max(kept.read_s + kept.fold_s, 1e-9):,.0f} readings/s",
    ]
    return "\n".join(lines)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _head(terms: RewindTerms, world: Surroundings, schools: int) -> str:
    head = (
        f"{_local(terms.from_us, world)} to {_local(terms.to_us, world)}, "
        f"{_counted(schools, 'school')}, {_counted(terms.operators, 'operator')}"
    )
    if world.factor > 1:
        of = f"{schools * world.factor:,.0f}"
        head += (
            f"; a sample: figures are estimates for all {of}, openings of one school times {world.factor:.1f}"
        )
    return head


def history_lines(terms: RewindTerms, kept: Kept, world: Surroundings) -> list[str]:
    """Return sentences about what was learnt from, and how far the history is raw."""
    learnt_h = max(0.0, (terms.from_us - kept.first_us) / 3.6e9)
    lines = [f"learnt for {learnt_h:.1f} h, since {_local(kept.first_us, world)}"]
    if kept.first_us >= terms.from_us:
        lines = ["nothing is kept from before it: baselines had nothing to learn from and mature within"]
    if kept.raw_us is None:
        lines.append("quarter-hour means only" + _QUARTERS)
    elif kept.raw_us > terms.from_us:
        lines.append(
            f"raw readings from {_local(kept.raw_us, world)} on, quarter-hour means before" + _QUARTERS
        )
    elif kept.first_us < kept.raw_us:
        lines.append(
            f"raw readings from {_local(kept.raw_us, world)} on; before, quarter-hour means to learn from"
        )
    else:
        lines.append("raw readings throughout")
    return lines


_QUARTERS: Final = (
    ": there open_after and close_after count quarter hours, and rules of silence, repetition, rate and"
    " disagreement (joint) say nothing"
)


def _row(name: str, now: AlertLoad | None, changed: AlertLoad | None, compared: Compared | None) -> str:
    pairs = zip(_cells(now), _cells(changed), strict=True)
    cells = [a if a == b else f"{a} → {b}" for a, b in pairs]
    row = f"{name:<20}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)
    return row if compared is None else row + f"{len(compared.new):>7}{len(compared.gone):>7}"


def _speaks(compared: Compared) -> bool:
    """Return whether a rule opened anything on either side, or is on one side only."""
    sides = (compared.now, compared.changed)
    return any(side is None or side.openings for side in sides)


def _quiet_line(report: Report) -> list[str]:
    quiet = [compared.rule for compared in report.rules if not _speaks(compared)]
    return [f"nothing before or after: {', '.join(quiet)}"] if quiet else []


def _cells(f: AlertLoad | None) -> list[str]:
    if f is None:
        return ["–"] * len(_COLUMNS)
    return [
        f"{f.openings:,.0f}",
        f"{f.in_school_hours:,.0f}",
        f"{f.schools:,.0f}",
        f"{f.lines:,.0f}",
        _cell(f.lines_an_operator_school_hour, 2),
        _cell(f.median_open_min, 1),
        f"{f.flood_minutes}",
    ]


def _cell(figure: float | None, digits: int) -> str:
    return "–" if figure is None else f"{figure:,.{digits}f}"


def _most_lines(report: Report) -> list[str]:
    return [
        f"most by {compared.rule} (changed): {', '.join(f'{code} {n}' for code, n in changed.top_schools)}"
        for compared in report.rules
        for changed in [compared.changed]
        if changed is not None and changed.top_schools and changed.top_schools[0][1] > 1
    ]


def _difference_lines(report: Report, world: Surroundings) -> list[str]:
    lines = []
    for compared in report.rules:
        for word, openings in (("new", compared.new), ("gone", compared.gone)):
            shown = [
                f"{_code(o, world)} {_local(o.detected_us, world)} "
                f"({_cell(_lasted_min(o, report.terms), 1)} min)"
                for o in openings[:MOST_SHOWN]
            ]
            if shown:
                more = f" and {len(openings) - MOST_SHOWN} more" if len(openings) > MOST_SHOWN else ""
                lines.append(f"{word}: {compared.rule} {', '.join(shown)}{more}")
    return lines or ["no opening is new, none is gone"]


def _document(report: Report, kept: Kept, world: Surroundings) -> dict[str, Any]:
    return {
        **_scope(report.terms, kept, world),
        "school_hours": report.school_hours,
        "total": {"now": asdict(report.total_now), "changed": asdict(report.total_changed)},
        "rules": {
            compared.rule: {
                "now": None if compared.now is None else asdict(compared.now),
                "changed": None if compared.changed is None else asdict(compared.changed),
                "new": len(compared.new),
                "gone": len(compared.gone),
            }
            for compared in report.rules
        },
    }


def _scope(terms: RewindTerms, kept: Kept, world: Surroundings) -> dict[str, Any]:
    return {
        "from": _local(terms.from_us, world),
        "to": _local(terms.to_us, world),
        "learnt_from": _local(kept.first_us, world),
        "raw_from": None if kept.raw_us is None else _local(kept.raw_us, world),
        "schools": len(world.fleet.schools),
        "is_estimate": world.factor > 1,
        "factor": world.factor,
        "operators": terms.operators,
        "readings": kept.readings,
        "readings_per_s": kept.readings / max(kept.read_s + kept.fold_s, 1e-9),
    }


def explained(report: Report, world: Surroundings) -> str:
    """Return one JSON line an opening that is new or gone, by its time; values as they may be shown."""
    found = [
        (o.detected_us, word, o)
        for compared in report.rules
        for word, openings in (("new", compared.new), ("gone", compared.gone))
        for o in openings
    ]
    ordered = sorted(found, key=lambda one: (one[0], one[2].alert_id))
    return "".join(
        msgspec.json.encode({"change": word} | _told(o, report.terms, world)).decode() + "\n"
        for _, word, o in ordered
    )


def _told(o: Opening, terms: RewindTerms, world: Surroundings) -> dict[str, Any]:
    metric = world.catalogue.by_id[o.series & MAX_METRIC_ID]
    pupils = world.fleet.school_by_id[o.school_id].pupils
    return {
        "rule": o.rule,
        "school": _code(o, world),
        "metric": metric.name,
        "opened": _local(o.opened_us, world),
        "detected": _local(o.detected_us, world),
        "is_open": o.resolved_us is None,
        "lasted_min": round(_lasted_min(o, terms), 2),
        "in_school_hours": o.in_school_hours,
        "value": shown_value(metric, pupils, o.value),
        "expected_low": shown_value(metric, pupils, o.expected_low),
        "expected_high": shown_value(metric, pupils, o.expected_high),
    }


def _lasted_min(o: Opening, terms: RewindTerms) -> float:
    return ((o.resolved_us or terms.to_us) - o.opened_us) / 6e7


def _code(o: Opening, world: Surroundings) -> str:
    return world.fleet.school_by_id[o.school_id].code


def _local(time_us: int, world: Surroundings) -> str:
    return f"{datetime.fromtimestamp(time_us / 1e6, world.calendar.timezone):%Y-%m-%d %H:%M:%S}"


def render_tuned(tuned: Tuned, terms: RewindTerms, kept: Kept, world: Surroundings, *, as_json: bool) -> str:
    """Return what is proposed, as JSON or as a table."""
    if as_json:
        document = _scope(terms, kept, world) | {
            "budget": tuned.budget,
            "school_hours": tuned.school_hours,
            "rate_now": tuned.rate_now,
            "rate_proposed": tuned.rate_proposed,
            "rules": {choice.rule: choice._asdict() for choice in tuned.choices},
        }
        return msgspec.json.encode(document).decode()
    return "\n".join(
        [
            _head(terms, world, len(world.fleet.schools)),
            *history_lines(terms, kept, world),
            f"budget: {tuned.budget:.2f} lines of anomaly rules an operator and hour, in school hours",
            "",
            f"{'rule':<24}{'z now':>10}{'proposed':>10}{'lines now':>12}{'proposed':>12}",
            *map(_choice_row, tuned.choices),
            f"{'all together':<44}{tuned.rate_now:>12.2f}{tuned.rate_proposed:>12.2f}",
            *_doubts(tuned),
        ]
    )


def _choice_row(c: Proposal) -> str:
    cells = f"{c.rule:<24}{c.z_now:>10g}{c.z_proposed:>10g}{c.rate_now:>12.2f}{c.rate_proposed:>12.2f}"
    return cells + ("  (lowest tried)" if c.is_lowest else "")


def _doubts(tuned: Tuned) -> Iterator[str]:
    if tuned.school_hours < FEW_HOURS:
        yield (
            f"only {tuned.school_hours:.1f} school hours: a threshold that nothing crossed in so short a time"
            " is no threshold to keep; begin with --from further back"
        )
    for choice in tuned.choices:
        if not choice.is_within:
            yield (
                f"{choice.rule} exceeds the budget even at z = {choice.z_proposed:g}: raise its "
                "least_deviation or open_after, or ask why so many schools are unusual"
            )
