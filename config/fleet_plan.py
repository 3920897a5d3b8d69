"""What a fleet file changes: every school and device keeps its number for ever, by its code (pure).

Numbers name history, baselines and alerts. They are given once and never again: a school that closes
keeps its number, and gets it back if it opens once more under its code.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final

from config.fleet_csv import Areas, ListedSchool
from config.spreadsheet import words_of
from contract.errors import ConfigurationError
from contract.fleet import Cluster, Device, Fleet, Former, School, Ward

FEW: Final = 3
"""Schools that close without a question."""
SHARE: Final = 0.1
"""Largest share of the fleet that closes without a question."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """What the file cannot say by itself; all codes as the operator writes them."""

    merged: Mapping[str, str] = field(default_factory=dict)
    """Code of the school that goes → code of the school that it becomes part of."""
    replaced: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(School, device that goes) → device whose readings go on in the same series."""
    anew: frozenset[tuple[str, str]] = frozenset()
    """(School, device) pairs whose readings begin a new series from now on."""


NO_DEEDS: Final = Deeds()


@dataclass(frozen=True, slots=True)
class Change:
    """One school that is not as before."""

    school: School
    before: School
    columns: tuple[str, ...]
    """Fields that differ, in the order of `School`."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do."""

    fleet: Fleet
    """The fleet afterwards."""
    added: tuple[School, ...] = ()
    reopened: tuple[School, ...] = ()
    changed: tuple[Change, ...] = ()
    closed: tuple[School, ...] = ()
    merged: tuple[tuple[School, School], ...] = ()
    """(School that goes, school that it becomes part of)."""
    devices_added: tuple[Device, ...] = ()
    devices_retired: tuple[Device, ...] = ()
    areas_changed: tuple[str, ...] = ()
    """Wards and clusters that areas.csv names otherwise than before, in words."""
    devices_renamed: tuple[tuple[Device, Device], ...] = ()
    """(Before, after), the same number under another code."""
    questions: tuple[str, ...] = ()
    """What a person has to say yes to first, a sentence each."""
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not any(
            (
                self.added,
                self.reopened,
                self.changed,
                self.closed,
                self.merged,
                self.devices_added,
                self.devices_retired,
                self.devices_renamed,
                self.areas_changed,
            )
        )


def plan_import(
    before: Fleet, listed: Sequence[ListedSchool], areas: Areas, at_us: int, deeds: Deeds = NO_DEEDS
) -> ImportPlan:
    """Return what becomes of a fleet when a file names its schools.

    Args:
        before: the fleet now; an empty one before the first.
        listed: the schools of the file, in any order.
        areas: wards and clusters that the file speaks of.
        at_us: log time from which it holds, µs since 1970.
        deeds: what the operator says besides.

    Raises:
        ConfigurationError: a deed names what is not there.
    """
    listed, notes = _one_spelling(before, listed)
    after, came, changed = _settled(before, listed)
    gone = [s for s in before.schools if s.id not in after]
    merged = _merged(deeds.merged, before, gone, after)
    devices = _Devices(before, deeds, at_us)
    for each, school in zip(listed, after.values(), strict=True):
        devices.settle(each, school)
    devices.finish({s.id for s in gone})
    into = {one.id: other.id for one, other in merged}
    former = [
        *(f for f in before.former if f.school.id not in after),
        *(Former(s, at_us, into.get(s.id)) for s in gone),
    ]
    closed = tuple(s for s in gone if s.id not in into)
    fleet = Fleet(
        before.province,
        *_areas_with_former(before, areas, former),
        tuple(after.values()),
        tuple(devices.current),
        tuple(former),
        tuple(devices.former),
    )
    questions = (
        *_questions(before, len(closed), len(gone)),
        *_other_schools(came, changed, closed),
        *_near_providers(before, listed),
    )
    return ImportPlan(
        fleet, tuple(came["added"]), tuple(came["reopened"]), tuple(changed), closed, tuple(merged),
        tuple(devices.added), tuple(devices.retired), tuple(_area_changes(before, fleet)),
        tuple(devices.renamed), questions, tuple(notes),
    )  # fmt: skip


def _settled(
    before: Fleet, listed: Sequence[ListedSchool]
) -> tuple[dict[int, School], dict[str, list[School]], list[Change]]:
    """Return the file's schools by number, in its order; which of them came, and how; and what changed."""
    known = {s.code.casefold(): s for s in (*before.schools, *(f.school for f in before.former))}
    was_open = {s.id for s in before.schools}
    next_id = max((s.id for s in known.values()), default=0) + 1
    after: dict[int, School] = {}
    came: dict[str, list[School]] = {"added": [], "reopened": []}
    changed: list[Change] = []
    for each in listed:
        old = known.get(each.code.casefold())
        school = _numbered(each, next_id, old)
        if old is None:
            next_id += 1
            came["added"].append(school)
        elif old.id not in was_open:
            came["reopened"].append(school)
        if old is not None and (columns := _differences(old, school)):
            changed.append(Change(school, old, columns))
        after[school.id] = school
    return after, came, changed


def _numbered(each: ListedSchool, next_id: int, old: School | None) -> School:
    return School(
        next_id if old is None else old.id,
        each.code if old is None else old.code,
        each.name,
        each.level,
        each.ward_code,
        each.pupils,
        each.isp,
        each.contracted_down_bps,
        each.contracted_up_bps,
        each.place if each.has_place_columns or old is None else old.place,
    )


def _differences(old: School, new: School) -> tuple[str, ...]:
    return tuple(f.name for f in fields(School) if getattr(old, f.name) != getattr(new, f.name))


def _merged(
    wanted: Mapping[str, str], before: Fleet, gone: Sequence[School], after: Mapping[int, School]
) -> list[tuple[School, School]]:
    """Return which schools become part of which.

    Raises:
        ConfigurationError: one is not there, or the one that goes stands in the file still.
    """
    going = {s.code.casefold(): s for s in gone}
    staying = {s.code.casefold(): s for s in after.values()}
    known = {s.code.casefold() for s in before.schools}
    found = []
    for old, new in wanted.items():
        one, other = going.get(old.casefold()), staying.get(new.casefold())
        if one is None:
            why = "stands in the file still: take its row out" if old.casefold() in known else "is not known"
            raise ConfigurationError(f"--merged {old}={new}: school {old!r} {why}")
        if other is None:
            raise ConfigurationError(f"--merged {old}={new}: the file has no school {new!r}")
        found.append((one, other))
    return found


class _Devices:
    """Numbers of devices, school after school."""

    def __init__(self, before: Fleet, deeds: Deeds, at_us: int) -> None:
        self._of_school: dict[int, list[Device]] = {}
        for device in before.devices:
            self._of_school.setdefault(device.school_id, []).append(device)
        self._former = list(before.former_devices)
        every = (*before.devices, *before.former_devices)
        self._next_id = max((d.id for d in every), default=0) + 1
        self._replaced = {
            (school.casefold(), old.casefold()): new.casefold()
            for (school, old), new in deeds.replaced.items()
        }
        for (school, new), times in Counter((s, new) for (s, _), new in self._replaced.items()).items():
            if times > 1:
                raise ConfigurationError(f"--replaced: two devices of {school!r} cannot go on as {new!r}")
        self._anew = {(school.casefold(), code.casefold()) for school, code in deeds.anew}
        self._at_us = at_us
        self.current: list[Device] = []
        self.added: list[Device] = []
        self.retired: list[Device] = []
        self.renamed: list[tuple[Device, Device]] = []

    @property
    def former(self) -> list[Device]:
        """All that publish no more."""
        now = {d.id for d in self.current}
        return sorted((d for d in self._former if d.id not in now), key=lambda d: d.id)

    def settle(self, each: ListedSchool, school: School) -> None:
        """Give the devices of one school their numbers.

        Raises:
            ConfigurationError: a device was to go on under a code that the file does not have for its kind.
        """
        there = {d.code.casefold(): d for d in self._of_school.pop(school.id, ())}
        key = school.code.casefold()
        onward = self._replace(key, there)
        for code, kind in each.devices:
            known = there.pop(code.casefold(), None) or self._come_back(school, code)
            if known is not None and known.kind is kind and (key, code.casefold()) not in self._anew:
                device = known
                if known.code.casefold() != code.casefold():
                    device = replace(known, code=code)
                    self.renamed.append((known, device))
                onward.pop(code.casefold(), None)
            else:
                if known is not None:
                    self._retire([known])
                device = Device(self._next_id, school.id, code, kind)
                self._next_id += 1
                self.added.append(device)
            self._anew.discard((key, code.casefold()))
            self.current.append(device)
        for new, device in onward.items():
            raise ConfigurationError(
                f"--replaced {school.code}/{device.code}={new}: the file has no {device.kind} {new!r} of "
                "this school, or --new-device lets it begin anew"
            )
        self._retire(there.values())

    def finish(self, gone: set[int]) -> None:
        """Retire the devices of schools that are no more.

        Raises:
            ConfigurationError: a deed was about a device that is not there.
        """
        for school_id, devices in self._of_school.items():
            if school_id in gone:
                self._retire(devices)
        for school, code in (*self._replaced, *self._anew):
            raise ConfigurationError(f"no device {code!r} of school {school!r} is in fleet and file")

    def _replace(self, school: str, there: dict[str, Device]) -> dict[str, Device]:
        """Let devices stand under their new codes, and return those by them.

        Whoever had such a code and gets no other is retired.
        """
        named = [code for one, code in self._replaced if one == school and code in there]
        renamed = {self._replaced.pop((school, code)): there.pop(code) for code in named}
        self._retire([there.pop(code) for code in renamed if code in there])
        there |= renamed
        return renamed

    def _come_back(self, school: School, code: str) -> Device | None:
        """Return the number that a device of this code had before it left, or None."""
        mine = [d for d in self._former if d.school_id == school.id and d.code.casefold() == code.casefold()]
        return mine[-1] if mine else None

    def _retire(self, devices: Iterable[Device]) -> None:
        for device in devices:
            if device not in self._former:
                self._former.append(device)
                self.retired.append(device)


def _areas_with_former(
    before: Fleet, areas: Areas, former: Iterable[Former]
) -> tuple[tuple[Cluster, ...], tuple[Ward, ...]]:
    """Return clusters and wards of the areas, and those that former schools still stand in."""
    wards, clusters = list(areas.wards), list(areas.clusters)
    codes, cluster_codes = {w.code for w in wards}, {c.code for c in clusters}
    for code in sorted({f.school.ward_code for f in former} - codes):
        ward = before.ward_by_code[code]
        wards.append(ward)
        if ward.cluster_code not in cluster_codes:
            cluster_codes.add(ward.cluster_code)
            clusters.append(before.cluster_by_code[ward.cluster_code])
    return tuple(clusters), tuple(wards)


def _area_changes(before: Fleet, after: Fleet) -> Iterator[str]:
    """Yield what became of the areas that a fleet had before."""
    clusters = after.cluster_by_code
    for old in before.clusters:
        if old.code in clusters and clusters[old.code] != old:
            yield f"cluster {old.code}: name {old.name} → {clusters[old.code].name}"
    for ward in before.wards:
        now = after.ward_by_code.get(ward.code)
        if now is None:
            yield f"ward {ward.code} {ward.name}: gone"
        elif now != ward:
            yield f"ward {ward.code}: {_area(ward)} → {_area(now)}"
    if before.wards:
        yield from (f"ward {w.code} {w.name}: new" for w in after.wards if w.code not in before.ward_by_code)


def _area(ward: Ward) -> str:
    return f"{ward.name} ({ward.short_name}), cluster {ward.cluster_code}"


def _provider_key(name: str) -> str:
    return words_of(name).replace(" ", "")


def _one_spelling(
    before: Fleet, listed: Sequence[ListedSchool]
) -> tuple[tuple[ListedSchool, ...], list[str]]:
    """Return the schools with each provider spelt in one way: as known, else as most rows write it."""
    spelt: dict[str, Counter[str]] = {}
    for each in listed:
        spelt.setdefault(_provider_key(each.isp), Counter())[each.isp] += 1
    known = {_provider_key(s.isp): s.isp for s in reversed(before.schools)}
    chosen = {key: known.get(key) or names.most_common(1)[0][0] for key, names in spelt.items()}
    notes = [
        f"{', '.join(sorted(names))} are one provider here, written {chosen[key]}."
        for key, names in spelt.items()
        if len({*names, chosen[key]}) > 1
    ]
    return tuple(replace(each, isp=chosen[_provider_key(each.isp)]) for each in listed), notes


def _questions(before: Fleet, closed: int, gone: int) -> list[str]:
    if gone <= FEW and gone <= max(1, SHARE * len(before.schools)):
        return []
    of = f"{gone:,} of {len(before.schools):,} schools"
    return [
        f"{of} are not in the file any more; {closed:,} of them would close, their alerts end, and they are "
        "not expected from now on."
    ]


def _other_schools(
    came: Mapping[str, Sequence[School]], changed: Sequence[Change], closed: Sequence[School]
) -> Iterator[str]:
    """Ask where a code is another school's by now, or may be one that a spreadsheet program cut short."""
    reopened = {school.id for school in came["reopened"]}
    for change in changed:
        if change.school.id in reopened and "name" in change.columns:
            yield (
                f"School {change.school.code} was {change.before.name!r} when it left and comes back as "
                f"{change.school.name!r}, with its history. If it is another school, give it another code."
            )
    short = {school.code.lstrip("0"): school.code for school in closed if school.code.startswith("0")}
    for school in came["added"]:
        if school.code in short:
            yield (
                f"School {school.code} is new and {short[school.code]} is gone: did a spreadsheet program "
                "drop the zeros in front? Write them again, as text."
            )


def _near_providers(before: Fleet, listed: Sequence[ListedSchool]) -> list[str]:
    """Ask where a new provider's name begins as a known one's does."""
    known = {s.isp for s in before.schools}
    names = sorted({each.isp for each in listed} | known)
    return [
        f"Are {one!r} and {other!r} one provider? If so, write both the same."
        for i, one in enumerate(names)
        for other in names[i + 1 :]
        if not {one, other} <= known and words_of(other).startswith(words_of(one) + " ")
    ]
