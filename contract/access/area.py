"""Which schools somebody may see and act on (pure)."""

from typing import Final

import msgspec

from contract.access.fault import AccessError, AccessFault
from contract.fleet import Fleet, School

MOST_NAMES: Final = 200
"""Names in one area: chosen, more than the city has wards."""
_KINDS: Final = ("clusters", "wards", "schools")


class Area(msgspec.Struct, frozen=True):
    """The whole city, some of its clusters, wards and schools together, or the schools of one provider."""

    clusters: tuple[str, ...] = ()
    """Codes, sorted."""
    wards: tuple[str, ...] = ()
    """Codes, sorted."""
    schools: tuple[str, ...] = ()
    """Codes, sorted."""
    isp: str = ""

    @property
    def is_city(self) -> bool:
        """Whether it is the whole city."""
        return self == CITY

    def covers(self, school: School, fleet: Fleet) -> bool:
        """Return whether a school, of now or of before, lies in the area; `fleet` knows the wards."""
        if self.is_city:
            return True
        if self.isp:
            return school.isp == self.isp
        ward = fleet.ward_by_code.get(school.ward_code)
        return (
            school.code in self.schools
            or school.ward_code in self.wards
            or (ward is not None and ward.cluster_code in self.clusters)
        )


CITY: Final = Area()


def parse_area(text: str) -> Area:
    """Return the area of a text: `city`, `isp:NAME`, or `cluster:…`, `ward:…`, `school:…`, commas between.

    Raises:
        AccessError: it is none.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == ["city"]:
        return CITY
    found: dict[str, list[str]] = {"isp": [], "cluster": [], "ward": [], "school": []}
    for word in words:
        kind, _, name = word.partition(":")
        if kind not in found or not name.strip():
            raise AccessError(
                AccessFault.NO_AREA,
                f"{word!r} is no area: write city, isp:NAME, cluster:CODE, ward:CODE or school:CODE",
            )
        found[kind].append(name.strip())
    isps = found.pop("isp")
    if not words or len(isps) > 1 or (isps and any(found.values())) or len(words) > MOST_NAMES:
        raise AccessError(
            AccessFault.NO_AREA,
            f"{text!r} is no area: the city, one provider, or up to {MOST_NAMES} clusters, wards, schools",
        )
    names = {f"{kind}s": tuple(sorted(set(codes))) for kind, codes in found.items()}
    return Area(**names, isp=isps[0] if isps else "")


def write_area(area: Area) -> str:
    """Return an area as `parse_area` reads it."""
    if area.is_city:
        return "city"
    if area.isp:
        return f"isp:{area.isp}"
    return ",".join(f"{kind[:-1]}:{code}" for kind in _KINDS for code in getattr(area, kind))


def check_area(area: Area, fleet: Fleet) -> None:
    """Refuse an area that names what the fleet does not have: a slip of the pen opens or closes too much.

    Raises:
        AccessError: says which names are unknown.
    """
    known = {
        "clusters": {c.code for c in fleet.clusters},
        "wards": {w.code for w in fleet.wards},
        "schools": {s.code for s in fleet.schools},
    }
    unknown = [code for kind in _KINDS for code in getattr(area, kind) if code not in known[kind]]
    if area.isp and area.isp not in {s.isp for s in fleet.schools}:
        unknown.append(area.isp)
    if unknown:
        named = ", ".join(unknown)
        raise AccessError(
            AccessFault.UNKNOWN_AREA,
            f"the fleet has no {named}: areas.csv has the codes of clusters and wards, "
            "`eduops fleet export` those of schools",
            names=named,
        )


def narrow_fleet(fleet: Fleet, area: Area) -> Fleet:
    """Return the part of a fleet that lies in an area, with the wards and clusters that it needs."""
    if area.is_city:
        return fleet
    schools = tuple(s for s in fleet.schools if area.covers(s, fleet))
    former = tuple(f for f in fleet.former if area.covers(f.school, fleet))
    everyone = [*schools, *(f.school for f in former)]
    ids, codes = {s.id for s in everyone}, {s.ward_code for s in everyone}
    wards = tuple(w for w in fleet.wards if w.code in codes)
    clusters = {w.cluster_code for w in wards}
    return Fleet(
        fleet.province,
        tuple(c for c in fleet.clusters if c.code in clusters),
        wards,
        schools,
        tuple(d for d in fleet.devices if d.school_id in ids),
        former,
        tuple(d for d in fleet.former_devices if d.school_id in ids),
    )
