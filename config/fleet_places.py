"""Where schools stand, as fleet files write it: two columns that a file has or has not (pure).

Degrees of WGS 84 with a decimal point, or with a comma as Vietnamese spreadsheet programs write them. A place
that cannot be is refused: a mark in the sea is worse than none.
"""

import math
import re
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

from config.spreadsheet import BadRow, BadValueError
from contract.fleet import Coordinates
from contract.ward_map.places import Outlines, Ring

PLACE_COLUMNS: Final = ("lat", "lon")
"""Latitude and longitude: a file has both or neither, and so has each of its rows."""
DECIMALS: Final = 6
"""Decimals that are kept: 0.1 m."""
WARD_KM: Final = 20.0
"""Farthest from the box around its ward's boundary: boundaries are simplified, some older than schools."""
PROVINCE_KM: Final = 300.0
"""Farthest from the middle of all where a ward has no boundary; Côn Đảo is 235 km from its city's."""
FEWEST: Final = 3
"""Schools with a place that have a middle."""
KM_OF_DEGREE: Final = 111.2
"""Of latitude; of longitude it is shorter by the latitude's cosine."""
_DEGREES: Final = re.compile(r"-?[0-9]{1,3}([.,][0-9]{1,15})?")


class Placed(NamedTuple):
    """A school of a file that has a place."""

    line: int
    school: str
    ward: str
    place: Coordinates


def read_place(lat: str, lon: str) -> Coordinates | None:
    """Return what a row says of where its school stands; None if it says nothing.

    Raises:
        BadValueError: one of the two is missing, no number, out of range, or they are the wrong way round.
    """
    if not (lat or lon):
        return None
    if not (lat and lon):
        has, lacks = ("lat", "lon") if lat else ("lon", "lat")
        raise BadValueError(f"The row has {has} {lat or lon} but no {lacks}: write both, or neither.")
    north, east = _degrees("lat", lat), _degrees("lon", lon)
    if abs(north) > 90 >= abs(east):
        raise BadValueError(
            f"lat {lat} and lon {lon} are the wrong way round: lat (vĩ độ) is never above 90; swap the two."
        )
    for name, text, value, most in (("lat", lat, north, 90), ("lon", lon, east, 180)):
        if abs(value) > most:
            raise BadValueError(f"{name} {text} is not within -{most} to {most} degrees.")
    return Coordinates(north, east)


def write_place(place: Coordinates | None) -> tuple[str, str]:
    """Return a place as files have it, empty for None."""
    if place is None:
        return "", ""
    lat, lon = (f"{degrees:.{DECIMALS}f}".rstrip("0").rstrip(".") for degrees in place)
    return lat, lon


def far_places(placed: Sequence[Placed], outlines: Outlines) -> Iterator[BadRow]:
    """Yield the schools that stand where none of theirs can.

    Args:
        placed: the schools of a file that have a place.
        outlines: boundaries by ward; a ward without one is held against the middle of all schools.
    """
    middle = None
    if len(placed) >= FEWEST:
        middle = Coordinates(median(p.place.lat for p in placed), median(p.place.lon for p in placed))
    for line, school, ward, place in placed:
        said = f"School {school!r} at lat {place.lat}, lon {place.lon}"
        if rings := outlines.get(ward):
            km = _km(place, _nearest(rings, place))
            if km > WARD_KM:
                yield BadRow(
                    line,
                    f"{said} is {km:,.0f} km outside its ward {ward} (boundaries.geojson): correct the "
                    "degrees or the ward code, or leave both cells empty.",
                )
        elif middle is not None and (km := _km(place, middle)) > PROVINCE_KM:
            yield BadRow(
                line,
                f"{said} is {km:,.0f} km from the middle of the file's schools: correct the degrees or leave "
                f"both cells empty; if it is right, put the boundary of ward {ward} into boundaries.geojson.",
            )


def _degrees(name: str, text: str) -> float:
    if not _DEGREES.fullmatch(text):
        raise BadValueError(
            f"{name} {text!r} is not in degrees: write it as 10.776889 or 10,776889, without other signs."
        )
    return round(float(text.replace(",", ".")), DECIMALS)


def _nearest(rings: Sequence[Ring], place: Coordinates) -> Coordinates:
    """Return the place in the box around a ward's nearest part that is nearest to a place."""
    boxes = [([lat for _, lat in ring], [lon for lon, _ in ring]) for ring in rings]
    near = [
        Coordinates(min(max(place.lat, min(lats)), max(lats)), min(max(place.lon, min(lons)), max(lons)))
        for lats, lons in boxes
    ]
    return min(near, key=lambda one: _km(one, place))


def _km(one: Coordinates, other: Coordinates) -> float:
    """Return the distance of two places, on a plane: within 1 % up to 500 km in Viet Nam."""
    narrow = math.cos(math.radians((one.lat + other.lat) / 2))
    return KM_OF_DEGREE * math.hypot(one.lat - other.lat, (one.lon - other.lon) * narrow)
