"""The files of the map: an operator's `boundaries.geojson`, or the cartogram that comes with the program."""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from config.files import read_config
from config.fleet_csv import parse_areas
from contract.errors import ConfigurationError
from contract.fleet import Fleet, Ward
from contract.naming.plain import plain_name
from contract.ward_map.places import Outlines, Ring, WardMap, outline_map, tile_map

BOUNDARIES_FILE: Final = "boundaries.geojson"
"""RFC 7946, WGS 84: a feature a ward, with `ward_code` or `name` among its properties."""
CARTOGRAM_FILE: Final = "cartogram.csv"
_KINDS: Final = ("phuong ", "xa ", "dac khu ", "thi tran ")
"""How a ward's name begins that has its kind in it, made plain."""

_Corner = Annotated[list[float], msgspec.Meta(min_length=2, max_length=4)]


class Feature(NamedTuple):
    """One of the file's: a ward, as far as it says."""

    ward_code: str
    name: str
    rings: list[Ring]


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw


class _Properties(msgspec.Struct):
    ward_code: str = ""
    name: str = ""


class _Feature(msgspec.Struct):
    properties: _Properties
    geometry: _Geometry


class _Collection(msgspec.Struct):
    features: list[_Feature]


def read_ward_map(own: Path | None) -> Callable[[Fleet], WardMap]:
    """Read the operator's boundaries, where there are any, or the cartogram; return what draws a fleet by it.

    Raises:
        ConfigurationError: the operator's file is wrong.
    """
    placed = _placed()
    if not _has_boundaries(own):
        return lambda fleet: tile_map(fleet.wards, placed)
    features = _features(read_config(own, BOUNDARIES_FILE))
    return lambda fleet: outline_map(fleet, placed, match_wards(fleet.wards, features).found)


def read_outlines(own: Path | None, wards: Sequence[Ward]) -> Outlines:
    """Return the outlines of wards that the operator's boundaries have; none without that file.

    Raises:
        ConfigurationError: the operator's file is wrong.
    """
    if not _has_boundaries(own):
        return {}
    return match_wards(wards, _features(read_config(own, BOUNDARIES_FILE))).found


def ward_map_gaps(own: Path | None, wards: Sequence[Ward]) -> list[str]:
    """Return a sentence about each part of the operator's boundaries that is no ward, and each ward without.

    Raises:
        ConfigurationError: the operator's file is wrong.
    """
    if not _has_boundaries(own):
        return []
    return match_wards(wards, _features(read_config(own, BOUNDARIES_FILE))).gaps


def _has_boundaries(own: Path | None) -> bool:
    return own is not None and (own / BOUNDARIES_FILE).exists()


def _placed() -> dict[str, tuple[int, int]]:
    """Return the tile of each ward, also by former codes, for fleets that were written with them."""
    rows = csv.DictReader(StringIO(read_config(None, CARTOGRAM_FILE)))
    placed = {row["ward_code"]: (int(row["column"]), int(row["row"])) for row in rows}
    former = parse_areas(read_config(None, "areas.csv")).former
    return placed | {code: placed[ward] for code, ward in former.items() if ward in placed}


def _features(text: str) -> list[Feature]:
    try:
        return [
            Feature(one.properties.ward_code, one.properties.name, list(_outer_rings(one.geometry)))
            for one in msgspec.json.decode(text, type=_Collection).features
        ]
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{BOUNDARIES_FILE} is no GeoJSON of wards: {error}") from error


def _outer_rings(geometry: _Geometry) -> Iterator[Ring]:
    """Yield the outer rings; a hole in a ward is another ward, which is drawn over it."""
    if geometry.type == "Polygon":
        polygons = [msgspec.json.decode(geometry.coordinates, type=list[list[_Corner]])]
    elif geometry.type == "MultiPolygon":
        polygons = msgspec.json.decode(geometry.coordinates, type=list[list[list[_Corner]]])
    else:
        raise msgspec.ValidationError(f"a ward is a Polygon or a MultiPolygon, not a {geometry.type[:40]}")
    for polygon in polygons:
        for ring in polygon[:1]:
            if len(ring) < 4:
                raise msgspec.ValidationError("a ring has at least four corners, the last as the first")
            if not all(-180 <= corner[0] <= 180 and -90 <= corner[1] <= 90 for corner in ring):
                raise msgspec.ValidationError("a corner is longitude and latitude, in degrees (WGS 84)")
            yield [(corner[0], corner[1]) for corner in ring]


class WardOutlines(NamedTuple):
    """Which outlines are whose."""

    found: dict[str, list[Ring]]
    """By the ward's code."""
    gaps: list[str]


def match_wards(wards: Sequence[Ward], features: Sequence[Feature]) -> WardOutlines:
    """Find each feature's ward, by code, then by name: official lists differ in some codes."""
    codes = {ward.code for ward in wards}
    coded = {feature.ward_code for feature in features}
    by_name = {_bare(ward.name): ward.code for ward in wards if ward.code not in coded}
    found: dict[str, list[Ring]] = {}
    gaps = []
    for feature in features:
        code = feature.ward_code if feature.ward_code in codes else by_name.get(_bare(feature.name), "")
        if code:
            found.setdefault(code, []).extend(feature.rings)
        else:
            named = f"{feature.name or 'a feature'} ({feature.ward_code or 'no code'})"
            gaps.append(f"{BOUNDARIES_FILE}: {named} is no ward of this fleet")
    gaps += [f"{BOUNDARIES_FILE}: {w.name} ({w.code}) has no boundary" for w in wards if w.code not in found]
    return WardOutlines(found, gaps)


def _bare(name: str) -> str:
    plain = plain_name(name)
    return next((plain.removeprefix(kind) for kind in _KINDS if plain.startswith(kind)), plain)
