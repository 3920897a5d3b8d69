"""What rules made of recorded registers, as a table."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from evaluation.attendance.run import AttendanceFigures


class AttendanceRow(NamedTuple):
    """One rule."""

    less_shared: bool
    z: float
    with_calendar: bool
    """Whether the city's calendar was known."""
    before: AttendanceFigures
    """Of the days before the half."""
    after: AttendanceFigures


HEADINGS = ("rule", "half", "alerts", "lines", "25-50 % lower", "12-22 % lower", "lines a storm")


def render(rows: Sequence[AttendanceRow], *, as_json: bool) -> str:
    """Return the rows as text, rates in 1,000 school-days and shares found; or as JSON."""
    if as_json:
        return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()
    cells: list[tuple[str, ...]] = [HEADINGS]
    for row in rows:
        name = f"{'less shared' if row.less_shared else 'alone'}, z {row.z:g}"
        name += ", calendar" if row.with_calendar else ""
        for half, figures in (("first", row.before), ("second", row.after)):
            found = [
                f"{f / n:.3f} of {n}" if n else "-"
                for f, n in zip(figures.found, figures.lowered, strict=True)
            ]
            storms = " ".join(map(str, figures.storm_lines)) or "-"
            rates = [f"{figures.a_thousand(n):.2f}" for n in (figures.alerts, figures.lines)]
            cells.append((name, half, *rates, *found, storms))
    widths = [max(len(line[k]) for line in cells) for k in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells
    )
