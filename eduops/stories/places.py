"""Boundaries of wards and places of schools that nobody surveyed, for the story of the map.

Each ward is the hexagon of its tile; its schools stand in it as the seeds of a sunflower.
"""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from config.ward_map import BOUNDARIES_FILE, read_ward_map
from contract.fleet import Coordinates, Fleet

RADIUS: Final = 0.03
"""Of a ward, degrees of latitude."""
NORTH, WEST = 11.4, 106.2
NARROW: Final = math.cos(math.radians(NORTH))
"""How much shorter a degree of longitude is there."""
UNPLACED: Final = 12
"""In every so many wards nobody said where schools stand."""
GOLDEN: Final = math.pi * (3 - math.sqrt(5))
"""Turn from one seed of a sunflower to the next."""


def with_places(fleet: Fleet) -> Fleet:
    """Return the fleet with schools at places."""
    middles = _middles(fleet)
    seen: Counter[int] = Counter()
    schools = []
    for school, ward in zip(fleet.schools, fleet.ward_index, strict=True):
        seen[ward] += 1
        far, turn = RADIUS * 0.14 * math.sqrt(seen[ward]), GOLDEN * seen[ward]
        place = _beside(middles[ward], far * math.cos(turn), far * math.sin(turn))
        schools.append(replace(school, place=place if ward % UNPLACED else None))
    return Fleet(
        fleet.province, fleet.clusters, fleet.wards, tuple(schools), fleet.devices, fleet.former,
        fleet.former_devices,
    )  # fmt: skip


def write_boundaries(fleet: Fleet, folder: Path) -> None:
    """Write the boundaries of a fleet's wards as an operator's file."""
    features = []
    for ward, middle in zip(fleet.wards, _middles(fleet), strict=True):
        turns = [math.radians(60 * k) for k in range(7)]
        ring = [_beside(middle, RADIUS * math.cos(turn), RADIUS * math.sin(turn)) for turn in turns]
        corners = [[round(place.lon, 6), round(place.lat, 6)] for place in ring]
        shape = {"type": "Polygon", "coordinates": [corners]}
        features.append({"type": "Feature", "properties": {"ward_code": ward.code}, "geometry": shape})
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (folder / BOUNDARIES_FILE).write_text(text, encoding="utf-8")


def _middles(fleet: Fleet) -> list[Coordinates]:
    """Return the middle of each ward."""
    wide = RADIUS * math.sqrt(3)
    corner = Coordinates(NORTH, WEST)
    tiles = read_ward_map(None)(fleet).tiles
    return [_beside(corner, -1.5 * RADIUS * row, wide * (column + row % 2 / 2)) for column, row in tiles]


def _beside(place: Coordinates, north: float, east: float) -> Coordinates:
    return Coordinates(round(place.lat + north, 6), round(place.lon + east / NARROW, 6))
