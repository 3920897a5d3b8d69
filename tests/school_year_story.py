"""What happens to the city in its school year: a deed a night, and the days that are lived through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from contract.fleet import DeviceKind
from tests.fold_world import packaged
from tests.school_year import City, Site

DAY: Final = timedelta(days=1)
FIRST_DAY, LAST_DAY = date(2026, 9, 1), date(2027, 8, 31)
MERGED, MOVED, REPLACED = date(2026, 10, 13), date(2026, 11, 17), date(2026, 12, 8)
TERM, OPENED, ANEW, CLOSED = date(2027, 1, 10), date(2027, 2, 23), date(2027, 3, 23), date(2027, 5, 4)
SWALLOWED, KEEPING, MOVING, RENEWED, BEGUN_ANEW, CLOSING = 12, 5, 3, 20, 7, 30
"""Places of the schools in the city to which it happens."""
NEWCOMER: Final = "79099999"
ONE_TERM: Final = 'first = 2026-09-05\nlast = 2027-05-31\nname = "2026-2027"'
TWO_TERMS: Final = (
    'first = 2026-09-05\nlast = 2027-01-09\nname = "2026-2027, học kỳ I"\n\n'
    '[[term]]\nfirst = 2027-01-18\nlast = 2027-05-31\nname = "2026-2027, học kỳ II"'
)


@dataclass(frozen=True)
class Deed:
    """What changes in a night, and what the operator says of it on the command line."""

    change: Callable[[City, Path], None]
    """Changes the city, and the operator's own folder of configuration."""
    merged: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()


def deeds_of(codes: Sequence[str]) -> dict[date, Deed]:
    """Return the nights of the year in which something changes, by the day after."""
    swallowed, keeping, moving = codes[SWALLOWED], codes[KEEPING], codes[MOVING]
    renewed, begun_anew, closing = codes[RENEWED], codes[BEGUN_ANEW], codes[CLOSING]

    def merge(city: City, own: Path) -> None:
        city.sites[keeping].pupils += city.sites[swallowed].pupils
        _leave(city, swallowed, MERGED)

    def move(city: City, own: Path) -> None:
        site = city.sites[moving]
        site.ward = next(s.ward for s in city.sites.values() if s.ward != site.ward)
        site.isp = next(s.isp for s in city.sites.values() if s.isp != site.isp)

    def replace(city: City, own: Path) -> None:
        site = city.sites[renewed]
        city.strays[site.topic(DeviceKind.GATEWAY, "bandwidth")] = REPLACED + DAY
        site.devices[DeviceKind.GATEWAY] = "gw-9"

    def begin_second_term(city: City, own: Path) -> None:
        calendar = packaged("calendar.toml")
        assert ONE_TERM in calendar
        own.mkdir()
        (own / "calendar.toml").write_text(calendar.replace(ONE_TERM, TWO_TERMS), encoding="utf-8")
        for i, site in enumerate(city.sites.values()):
            site.pupils += i % 7 - 3

    def open_one(city: City, own: Path) -> None:
        like = city.sites[keeping]
        city.sites[NEWCOMER] = Site(
            NEWCOMER, "Trường mới", like.level, like.ward, 420, like.isp, like.down_bps, like.up_bps
        )

    def begin_anew(city: City, own: Path) -> None:
        city.sites[begun_anew].lives[DeviceKind.GATEWAY] += 1

    return {
        FIRST_DAY: Deed(lambda _city, _own: None),  # the first file
        MERGED: Deed(merge, merged=(f"{swallowed}={keeping}",)),
        MOVED: Deed(move),
        REPLACED: Deed(replace, replaced=(f"{renewed}/gw-1=gw-9",)),
        TERM: Deed(begin_second_term),
        OPENED: Deed(open_one),
        ANEW: Deed(begin_anew, anew=(f"{begun_anew}/gw-1",)),
        CLOSED: Deed(lambda city, _own: _leave(city, closing, CLOSED)),
    }


def _leave(city: City, code: str, day: date) -> None:
    """Take a school out of the file; its gateway is not told and speaks for two days more."""
    site = city.sites.pop(code)
    city.strays[site.topic(DeviceKind.GATEWAY, "bandwidth")] = day + 2 * DAY


EVERY_DAY: Final = [FIRST_DAY + DAY * i for i in range((LAST_DAY - FIRST_DAY).days + 1)]
_WORTH_LIVING: Final = (
    *(FIRST_DAY, date(2026, 9, 7), MERGED, MOVED, REPLACED, TERM, date(2027, 1, 17)),
    *(OPENED, ANEW, CLOSED, LAST_DAY),
)
"""The changes, the first school days of both terms, and the end."""
AROUND_CHANGES: Final = [day for day in EVERY_DAY if any(abs(day - one) <= DAY for one in _WORTH_LIVING)]
