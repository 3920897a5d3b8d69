"""Search over everything by name, code or id, without diacritics, the words in any order (pure)."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from alerting.incidents.groups import place_of
from alerting.messages.names import incident_name, incident_what
from contract.fleet import Device, Fleet, Level, School
from contract.incident import Incident
from contract.naming.plain import plain_name
from contract.rule import Rule
from contract.texts import Language, Texts
from ops_dashboard.view.addresses import area_address, provider_address

MOST_FOUND: Final = 20
"""A list that is looked through at a glance."""
MOST_FLEETS: Final = 20
"""Fleets whose names are kept as they are compared, of the city and of areas."""
_NOT: Final = 9
"""The rank of what is not meant."""
_APART: Final = re.compile(r"[^\w]+")
LEVEL_WORDS: Final = {
    Level.PRESCHOOL: " truong mam non mn",
    Level.PRIMARY: " truong tieu hoc th",
    Level.LOWER_SECONDARY: " truong trung hoc co so thcs",
    Level.UPPER_SECONDARY: " truong trung hoc pho thong thpt",
}
"""How people say a level where a school's name has its letters, and the letters where it has the words."""


class HitKind(StrEnum):
    """What may be found, that of equal likeness which comes first; each has texts `find.<kind>`."""

    PAGE = "page"
    CLUSTER = "cluster"
    WARD = "ward"
    PROVIDER = "provider"
    INCIDENT = "incident"
    SCHOOL = "school"
    DEVICE = "device"
    PERSON = "person"


_ORDER: Final = {kind: place for place, kind in enumerate(HitKind)}


class SearchHit(msgspec.Struct, frozen=True):
    """One thing that a search leads to."""

    kind: HitKind
    name: str
    about: str
    """Where it is, or what it has; may be empty."""
    address: str


class Findable(NamedTuple):
    """One thing with the words by which it is found."""

    hit: SearchHit
    exact: frozenset[str]
    """Plain names that mean just this: its name, its code."""
    title: str
    """Its plain name, a blank before each word."""
    words: str
    """All its plain words, a blank before each."""
    needs: str = ""
    """Plain words of which at least one must be asked for, a blank before each; empty for none."""


def findable(hit: SearchHit, codes: Iterable[str] = (), more: Iterable[str] = ()) -> Findable:
    """Return a thing with its words.

    Args:
        hit: what it is.
        codes: other names that mean just this.
        more: what else it may be found by.
    """
    title, codes = plain_name(hit.name), [plain_name(code) for code in codes]
    words = [title, *codes, *map(plain_name, more)]
    return Findable(
        hit,
        frozenset((title, *codes)),
        _apart(title),
        _apart(" ".join(words)),
    )


def find(query: str, things: Iterable[Findable], most: int = MOST_FOUND) -> list[SearchHit]:
    """Return what a query may mean, the likeliest first; nothing for a query without a word.

    A thing is found if each word of the query begins one of its words: exactly what it is called comes
    first, then what begins so, then a name that has the words, then whatever else has them, of each those
    that have them together and in this order before the others.
    """
    words = [word for word in _APART.split(plain_name(query)) if word]
    wanted, asked = " ".join(words), [f" {word}" for word in words]
    if not asked:
        return []
    first, rest = asked[0], asked[1:]
    likely = [t for t in things if first in t.words and all(word in t.words for word in rest)]
    ranked = [(_rank(t, wanted, asked), _ORDER[t.hit.kind], len(t.title), t.title, t.hit) for t in likely]
    told = sorted((one for one in ranked if one[0] < _NOT), key=lambda one: (*one[:4], one[4].address))
    return [hit for *_, hit in told[:most]]


def _rank(thing: Findable, wanted: str, asked: list[str]) -> int:
    if thing.needs and not any(word in thing.needs for word in asked):
        return _NOT
    if wanted in thing.exact:
        return 0
    together = "".join(asked)
    if thing.title.startswith(together):
        return 1
    for rank, words in ((2, thing.title), (4, thing.words)):
        if together in words:
            return rank
        if all(word in words for word in asked):
            return rank + 1
    return _NOT


def _apart(plain: str) -> str:
    """Return plain words with one blank before each, so that a word that begins so is found as a part."""
    return "".join(f" {word}" for word in _APART.split(plain) if word)


@lru_cache(maxsize=MOST_FLEETS)
def fleet_things(fleet: Fleet) -> tuple[Findable, ...]:
    """Return all that a fleet has: clusters, wards, providers, schools of now and of before, devices."""
    found = []
    for cluster in fleet.clusters:
        hit = SearchHit(HitKind.CLUSTER, cluster.name, "", area_address(cluster.code))
        found.append(findable(hit, (cluster.code,)))
    for ward in fleet.wards:
        within = fleet.cluster_by_code[ward.cluster_code].name
        hit = SearchHit(HitKind.WARD, ward.name, within, area_address(ward.code))
        found.append(findable(hit, (ward.code, ward.short_name)))
    isps = sorted({school.isp for school in fleet.schools})
    hits = (SearchHit(HitKind.PROVIDER, isp, "", provider_address(isp)) for isp in isps)
    found += map(findable, hits)
    plain_wards = {ward.code: _apart(plain_name(ward.name)) for ward in fleet.wards}
    schools = {s.id: s for s in (*(f.school for f in fleet.former), *fleet.schools)}
    of_school = {i: _school_thing(s, fleet, plain_wards[s.ward_code]) for i, s in schools.items()}
    found += of_school.values()
    found += (_device_thing(d, schools[d.school_id], of_school[d.school_id]) for d in fleet.devices)
    return tuple(found)


def _school_thing(school: School, fleet: Fleet, ward: str) -> Findable:
    """Return a school; `ward` are the plain words of its ward."""
    about = f"{school.code} · {fleet.ward_by_code[school.ward_code].short_name} · {school.isp}"
    hit = SearchHit(HitKind.SCHOOL, school.name, about, f"/school/{quote(school.code)}")
    thing = findable(hit, (school.code,))
    return thing._replace(words=thing.words + ward + LEVEL_WORDS[school.level])


def _device_thing(device: Device, school: School, thing: Findable) -> Findable:
    """Return a device, found by its code and its school's, and by the school's name beside one of these."""
    hit = SearchHit(HitKind.DEVICE, device.code, f"{school.name} · {school.code}", thing.hit.address)
    code = plain_name(device.code)
    own = _apart(f"{code} {plain_name(school.code)}")
    path = f"{plain_name(school.code)} {code}"
    return Findable(hit, frozenset((code, path)), _apart(code), own + thing.title, own)


def incident_thing(
    incident: Incident, fleet: Fleet, rules: dict[str, Rule], texts: Texts, language: Language
) -> Findable:
    """Return an incident by its id, the name that it has everywhere, and what it has."""
    name = incident_name(incident, fleet, texts, language)
    what = incident_what(incident, fleet, rules, texts, language)
    one = SearchHit(
        HitKind.INCIDENT, f"P{incident.priority} {name}", what, f"/incidents/{incident.incident_id}"
    )
    return findable(one, (incident.incident_id, name), (what, place_of(incident.cause, fleet)))
