"""The fleet as browsers get it: once, compressed, with a version (pure)."""

import msgspec

from contract.fleet import LEVELS, Fleet, School


class SchoolRow(msgspec.Struct, frozen=True, array_like=True):
    """One school as a row, because 3,541 objects would repeat their keys."""

    id: int
    code: str
    name: str
    ward: int
    """Position in `wards`."""
    level: int
    """Position in `contract.fleet.LEVELS`."""
    isp: int
    """Position in `isps`."""
    pupils: int


class AreaCodes(msgspec.Struct, frozen=True):
    """Codes of the areas, in the order of their names."""

    clusters: list[str]
    wards: list[str]


class Topology(msgspec.Struct, frozen=True):
    """Everything that does not change from second to second."""

    version: str
    clusters: list[str]
    """Names, in fleet order: an area never moves on the wall."""
    wards: list[tuple[str, str, int]]
    """Name, short name, and position in `clusters`."""
    codes: AreaCodes
    isps: list[str]
    levels: list[str]
    schools: list[SchoolRow]
    """In fleet order, as the states of a snapshot are."""
    former: list[SchoolRow]
    """Schools that are no more: their alerts are still named."""


def make_topology(fleet: Fleet) -> Topology:
    """Return the fleet as rows with positions instead of codes."""
    cluster_position = {c.code: i for i, c in enumerate(fleet.clusters)}
    ward_position = {w.code: i for i, w in enumerate(fleet.wards)}
    former = [f.school for f in fleet.former]
    isps = sorted({s.isp for s in (*fleet.schools, *former)})

    def row(s: School) -> SchoolRow:
        ward, level = ward_position[s.ward_code], LEVELS.index(s.level)
        return SchoolRow(s.id, s.code, s.name, ward, level, isps.index(s.isp), s.pupils)

    return Topology(
        version=fleet.version,
        clusters=[c.name for c in fleet.clusters],
        wards=[(w.name, w.short_name, cluster_position[w.cluster_code]) for w in fleet.wards],
        codes=AreaCodes([c.code for c in fleet.clusters], [w.code for w in fleet.wards]),
        isps=isps,
        levels=[level.value for level in LEVELS],
        schools=[row(s) for s in fleet.schools],
        former=[row(s) for s in former],
    )
