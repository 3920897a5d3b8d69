"""Where wards stand on the map: a tile each, or the operator's boundaries."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.files import read_config
from config.fleet_csv import parse_areas
from config.ward_map import BOUNDARIES_FILE, read_outlines, read_ward_map, ward_map_gaps
from contract.access.area import Area
from contract.errors import ConfigurationError
from contract.fleet import Coordinates, Fleet, Level, School, Ward
from contract.ward_map.places import EXTENT, WardMap
from ops_dashboard.view.narrowing import Narrowing

AREAS = parse_areas(read_config(None, "areas.csv"))
CLUSTERS, WARDS = AREAS.clusters, AREAS.wards


def drawn_by(own: Path | None, wards: Sequence[Ward], schools: Sequence[School] = ()) -> WardMap:
    return read_ward_map(own)(Fleet("79", (), tuple(wards), tuple(schools), ()))


def neighbours(column: int, row: int) -> list[tuple[int, int]]:
    odd = row % 2
    beside = [(column - 1, row), (column + 1, row)]
    return beside + [(column + odd - k, row + up) for k in (0, 1) for up in (-1, 1)]


def test_every_ward_has_a_tile_and_every_cluster_is_in_one_piece() -> None:
    tiles = drawn_by(None, WARDS).tiles
    assert len(set(tiles)) == len(WARDS) == 168
    for cluster in {ward.cluster_code for ward in WARDS}:
        own = {tile for tile, ward in zip(tiles, WARDS, strict=True) if ward.cluster_code == cluster}
        seen, waiting = set[tuple[int, int]](), [next(iter(own))]
        while waiting:
            tile = waiting.pop()
            seen.add(tile)
            waiting += [other for other in neighbours(*tile) if other in own - seen]
        assert seen == own, cluster


def test_a_fleet_with_former_codes_has_the_same_tiles() -> None:
    former = {code: before for before, code in parse_areas(read_config(None, "areas.csv")).former.items()}
    assert len(former) == 10
    old = tuple(replace(ward, code=former.get(ward.code, ward.code)) for ward in WARDS)
    assert drawn_by(None, old).tiles == drawn_by(None, WARDS).tiles


def test_wards_that_nobody_placed_stand_below_the_others() -> None:
    foreign = tuple(Ward(f"9{i}", f"Phường {i}", str(i), "01") for i in range(20))
    placed = drawn_by(None, WARDS).tiles
    both = drawn_by(None, WARDS + foreign).tiles
    assert both[: len(WARDS)] == placed
    assert len(set(both)) == len(both)
    assert min(row for _, row in both[len(WARDS) :]) > max(row for _, row in placed)
    alone = drawn_by(None, foreign).tiles
    assert len(set(alone)) == len(foreign)


def square(x: float, y: float, side: float = 0.01) -> list[list[list[float]]]:
    return [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]]


def feature(geometry: dict[str, Any], **properties: str) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def polygon(x: float, y: float, **properties: str) -> dict[str, Any]:
    return feature({"type": "Polygon", "coordinates": square(x, y)}, **properties)


def keep(folder: Path, features: Sequence[dict[str, Any]]) -> Path:
    file = folder / BOUNDARIES_FILE
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return folder


def test_boundaries_are_drawn_with_an_island_apart(tmp_path: Path) -> None:
    near = [polygon(106.7 + i % 5 * 0.01, 10.7 + i // 5 * 0.01, ward_code=WARDS[i].code) for i in range(25)]
    island = polygon(106.6, 8.7, ward_code=WARDS[25].code)
    drawn = drawn_by(keep(tmp_path, [*near, island]), WARDS[:26])
    assert drawn.far == [25]
    assert drawn.main is not None
    assert max(drawn.main) == EXTENT
    corners = [point for rings in drawn.outlines[:25] for ring in rings for point in ring]
    assert (min(x for x, _ in corners), min(y for _, y in corners)) == (0, 0)
    assert (max(x for x, _ in corners), max(y for _, y in corners)) == drawn.main[2:]
    north, south = drawn.outlines[20][0], drawn.outlines[0][0]
    assert max(y for _, y in north) < min(y for _, y in south)
    assert len(drawn.tiles) == 26


def school(number: int, ward: Ward, place: Coordinates | None) -> School:
    return School(number, f"79{number:06}", "", Level.PRIMARY, ward.code, 500, "VNPT", 1e8, 1e8, place)


def test_schools_stand_in_their_outlines_and_one_outside_of_all_is_still_on_the_map(tmp_path: Path) -> None:
    own = keep(tmp_path, [polygon(106.7 + i * 0.01, 10.7, ward_code=WARDS[i].code) for i in range(3)])
    schools = [
        school(1, WARDS[0], Coordinates(10.71, 106.7)),
        school(2, WARDS[1], None),
        school(3, WARDS[2], Coordinates(10.705, 106.78)),
    ]
    drawn = drawn_by(own, WARDS[:3], schools)
    assert drawn.main is not None
    corner, nobody, outside = drawn.schools
    assert corner == min(point for ring in drawn.outlines[0] for point in ring)  # west, then north
    assert nobody is None
    assert outside is not None
    assert outside[0] == drawn.main[2] == EXTENT
    assert drawn_by(None, WARDS, schools).schools == []


def test_a_viewer_of_an_area_has_its_schools_and_its_outlines_alone(tmp_path: Path) -> None:
    wards = WARDS[:6]
    own = keep(tmp_path, [polygon(106.7 + i * 0.01, 10.7, ward_code=w.code) for i, w in enumerate(wards)])
    schools = tuple(school(i + 1, w, Coordinates(10.705, 106.705 + i * 0.01)) for i, w in enumerate(wards))
    whole = Fleet("79", CLUSTERS, wards, schools, ())
    part = Narrowing(whole, Area(wards=(wards[2].code,)), 1).fleet
    drawn = read_ward_map(own)(part)
    assert [s.code for s in part.schools] == [schools[2].code]
    assert [len(rings) for rings in drawn.outlines] == [1]
    assert len(drawn.schools) == 1


def test_an_import_knows_the_outlines_of_the_same_file(tmp_path: Path) -> None:
    assert read_outlines(tmp_path, WARDS) == {}
    own = keep(tmp_path, [polygon(106.7, 10.7, ward_code=WARDS[0].code)])
    assert read_outlines(own, WARDS) == {WARDS[0].code: [[tuple(c) for c in square(106.7, 10.7)[0]]]}


def test_a_ward_is_found_by_its_code_then_by_its_name_without_marks(tmp_path: Path) -> None:
    own = keep(
        tmp_path,
        [
            polygon(106.7, 10.7, ward_code=WARDS[0].code, name="Phường khác tên"),
            polygon(106.8, 10.7, ward_code="00001", name=WARDS[1].short_name.upper()),
            polygon(106.9, 10.7, ward_code="00002", name="Phường Atlantis"),
        ],
    )
    drawn = drawn_by(own, WARDS[:3])
    assert [len(rings) for rings in drawn.outlines] == [1, 1, 0]
    assert ward_map_gaps(own, WARDS[:3]) == [
        f"{BOUNDARIES_FILE}: Phường Atlantis (00002) is no ward of this fleet",
        f"{BOUNDARIES_FILE}: {WARDS[2].name} ({WARDS[2].code}) has no boundary",
    ]
    assert ward_map_gaps(None, WARDS) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no GeoJSON of wards"),
        (
            '{"features": [{"properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]}',
            "not a Point",
        ),
        ('{"features": [{"properties": {}, "geometry": null}]}', "geometry"),
        (
            json.dumps({"features": [feature({"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]})]}),
            "four corners",
        ),
        (json.dumps({"features": [polygon(600000.0, 1190000.0)]}), "WGS 84"),
    ],
)
def test_what_is_no_map_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / BOUNDARIES_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_ward_map(tmp_path)
