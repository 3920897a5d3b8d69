"""School calendars of the recorded places, in the words of calendar.toml."""

from typing import Final

from contract.fleet import LEVELS


def _calendar(timezone: str, country: str, terms: list[tuple[str, str]], weekdays: str, shifts: str) -> str:
    """Return the text of a calendar with the same day for every level."""
    lines = [f'timezone = "{timezone}"', f'country = "{country}"']
    for first, last in terms:
        lines += ["[[term]]", f"first = {first}", f"last = {last}", f'name = "{first[:4]}-{last[:4]}"']
    for level in LEVELS:
        lines += [f"[level.{level.value}]", f"weekdays = {weekdays}", f"shift = [{shifts}]"]
    return "\n".join(lines) + "\n"


NEW_YORK: Final = _calendar(
    "America/New_York",
    "US",
    [(f"{year}-09-01", f"{year + 1}-06-30") for year in range(2012, 2016)],
    "[0, 1, 2, 3, 4]",
    '{ name = "morning", start = 08:00:00, end = 11:30:00 }, '
    '{ name = "afternoon", start = 12:00:00, end = 17:00:00 }',
)
"""New York, terms 2012 to 2016. The afternoon reaches past 16:00, when the day's figures are due."""

DUBLIN: Final = _calendar(
    "Europe/Dublin",
    "IE",
    [("2018-01-01", "2018-12-31")],
    "[0, 1, 2, 3, 4]",
    '{ name = "day", start = 08:00:00, end = 18:00:00 }',
)
"""A university's working day."""

ALWAYS_OPEN: Final = _calendar(
    "UTC",
    "US",
    [("2003-01-01", "2004-12-31")],
    "[0, 1, 2, 3, 4, 5, 6]",
    '{ name = "day", start = 00:00:00, end = 23:59:59 }',
)
"""A backbone is in session day and night."""
