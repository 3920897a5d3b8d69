"""A map of a fleet's wards for drawing: tiles, or outlines in small whole numbers (pure)."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.fleet import Coordinates, Fleet, Ward

Ring = list[tuple[float, float]]
"""Corners of an outline: longitude and latitude, degrees."""
Outlines = Mapping[str, Sequence[Ring]]
"""The outlines of wards, by code."""
EXTENT: Final = 10_000
"""Width and height of the drawing that the largest part of a map fills, in its own units."""
FAR_SHARE: Final = 0.3
"""A ward farther from all others than this share of their extent is drawn apart: an island."""
DENSE_SHARE: Final = 0.22
"""Side of the square around the densest wards that is drawn once more, as a share of the extent."""

Box = tuple[int, int, int, int]
"""Left, top, width, height."""


class WardMap(msgspec.Struct, frozen=True, kw_only=True):
    """Where each ward stands; lists are by position of the ward in the fleet."""

    tiles: list[tuple[int, int]]
    """Column and row of each ward's hexagon; odd rows stand half a tile to the right."""
    outlines: list[list[list[tuple[int, int]]]]
    """Rings of each ward, y downwards; empty where it has none."""
    main: Box | None = None
    """What a drawing of the outlines shows; None where there are none."""
    dense: Box | None = None
    """Where the most wards stand: drawn once more, larger."""
    far: list[int]
    """Positions of wards that are drawn apart."""
    schools: list[tuple[int, int] | None] = []
    """Where each school stands, by position in the fleet; None where nobody said. Empty without outlines."""


def tile_map(wards: Sequence[Ward], placed: Mapping[str, tuple[int, int]]) -> WardMap:
    """Return a tile a ward; those that have no place stand in rows below, a cluster beside the other."""
    width = 1 + max((column for column, _ in placed.values()), default=math.isqrt(len(wards)))
    below = 2 + max((row for _, row in placed.values()), default=-2)
    rest = sorted((w.cluster_code, w.code) for w in wards if w.code not in placed)
    others = {code: (i % width, below + i // width) for i, (_, code) in enumerate(rest)}
    return WardMap(tiles=[{**placed, **others}[w.code] for w in wards], outlines=[[] for _ in wards], far=[])


def outline_map(fleet: Fleet, placed: Mapping[str, tuple[int, int]], outlines: Outlines) -> WardMap:
    """Return the wards as their boundaries are and schools at their places; a small screen shows tiles."""
    wards = fleet.wards
    own = [outlines.get(ward.code, ()) for ward in wards]
    tiles = tile_map(wards, placed)
    if not any(own):
        return tiles
    corners = np.array([corner for rings in own for ring in rings for corner in ring])
    wide = math.cos(math.radians(float(corners[:, 1].mean())))  # as long as a degree of latitude
    rings_of = [[np.array(ring) * (wide, -1.0) for ring in rings] for rings in own]
    middle = {i: _middle(rings) for i, rings in enumerate(rings_of) if rings}
    far = _far_away(middle)
    schools = [_drawn(s.place, wide) for s in fleet.schools]
    near_schools = [
        at[None] for at, i in zip(schools, fleet.ward_index, strict=True) if at is not None and i not in far
    ]
    near_rings = [ring for i, rings in enumerate(rings_of) if i not in far for ring in rings]
    near = np.concatenate([*near_rings, *near_schools])  # one that stands outside its ward is shown there
    origin, size = near.min(0), float((near.max(0) - near.min(0)).max())
    scale = EXTENT / size

    def whole(points: NDArray[np.float64]) -> list[tuple[int, int]]:
        return [(int(x), int(y)) for x, y in np.rint((points - origin) * scale)]

    extent = np.rint((near.max(0) - origin) * scale).astype(int)
    centers = np.array([(middle[i] - origin) * scale for i in middle if i not in far])
    return WardMap(
        tiles=tiles.tiles,
        outlines=[[whole(ring) for ring in rings] for rings in rings_of],
        main=(0, 0, int(extent[0]), int(extent[1])),
        dense=_densest(centers),
        far=far,
        schools=[None if at is None else whole(at[None])[0] for at in schools],
    )


def _drawn(place: Coordinates | None, wide: float) -> NDArray[np.float64] | None:
    return None if place is None else np.array((place.lon * wide, -place.lat))


def _middle(rings: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the middle of the largest ring's box."""
    largest = max(rings, key=lambda ring: float(np.prod(np.ptp(ring, 0))))
    middle: NDArray[np.float64] = (largest.min(0) + largest.max(0)) / 2
    return middle


def _far_away(middle: Mapping[int, NDArray[np.float64]]) -> list[int]:
    """Return the wards that stand farther from the rest than a part of the rest's extent."""
    if len(middle) < 3:
        return []
    places, all_of = np.array(list(middle.values())), list(middle)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    spread = np.quantile(places, 0.95, 0) - np.quantile(places, 0.05, 0)
    far = [all_of[k] for k in np.flatnonzero(apart.min(1) > FAR_SHARE * float(spread.max()))]
    return far if len(far) < len(all_of) else []  # a handful of wards, none nearer to another than the rest


def _densest(centers: NDArray[np.float64]) -> Box:
    """Return the square of `DENSE_SHARE` of the extent in which the most wards stand."""
    side = DENSE_SHARE * EXTENT
    apart = np.abs(centers[:, None] - centers[None]).max(2)
    inside = apart <= side / 2
    best = int(np.argmax(inside.sum(1)))
    x, y = centers[inside[best]].mean(0) - side / 2
    return round(x), round(y), round(side), round(side)
