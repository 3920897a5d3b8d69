"""Names in a silence that nothing has: told, never refused, for fleets and rules change by themselves."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, NamedTuple

from alerting.silences.labels import CENTER, school_labels
from contract.alert import EXTERNAL, Priority
from contract.fleet import LEVELS, DeviceKind, Fleet
from contract.naming.plain import plain_name
from contract.routing.silence import SilenceMatcher
from contract.rule import Rule
from contract.texts import Language, Texts

MOST_NEAREST: Final = 3
LEAST_LIKENESS: Final = 0.6
"""Of a name that is told as near, 0 to 1; the default of difflib. Source: Ratcliff and Metzener (1988)."""


class UnknownName(NamedTuple):
    """A name that a condition asks for and nothing of ours has; an alert from outside still may."""

    label: str
    value: str
    nearest: tuple[str, ...]
    """Names that there are and that are written much like it, the nearest first."""


def unknown_names(
    matchers: Iterable[SilenceMatcher], fleet: Fleet, rules: Collection[Rule]
) -> list[UnknownName]:
    """Return the names that matchers ask for by `=` and that no school, place, provider, device or rule has.

    `alertname` is left out, for whoever sends alerts chooses it.
    """
    found = []
    for matcher in matchers:
        if not matcher.value or matcher.is_regex or not matcher.is_equal:
            continue
        is_rule = matcher.name == "rule"
        known = {EXTERNAL, *(r.name for r in rules)} if is_rule else _names_of(fleet).get(matcher.name)
        if known and matcher.value not in known:
            found.append(UnknownName(matcher.name, matcher.value, _nearest(matcher.value, known)))
    return found


def warnings(unknown: Iterable[UnknownName], texts: Texts, language: Language) -> Iterator[str]:
    """Yield a sentence for each name that nothing has."""
    for one in unknown:
        said = texts.say("silence.unknown_name", language, label=one.label, value=one.value)
        near = texts.say("silence.nearest", language, names=", ".join(one.nearest)) if one.nearest else ""
        yield f"{said} {near}".rstrip()


@lru_cache(maxsize=4)
def _names_of(fleet: Fleet) -> dict[str, set[str]]:
    """Return every name of each label that a fleet gives; former schools keep theirs."""
    found: dict[str, set[str]] = {
        "priority": {name for p in Priority for name in (str(int(p)), f"P{int(p)}")},
        "system": {*(kind.value for kind in DeviceKind), CENTER},
        "level": {level.value for level in LEVELS},
        "device": {device.code for device in fleet.devices},
    }
    for school in (*fleet.schools, *(former.school for former in fleet.former)):
        for label, names in school_labels(school.id, fleet).items():
            found.setdefault(label, set()).update(names)
    for ward in fleet.wards:  # also those without a school
        found.setdefault("ward", set()).update((ward.code, ward.name, ward.short_name))
    for cluster in fleet.clusters:
        found.setdefault("cluster", set()).update((cluster.code, cluster.name))
    return found


def _nearest(value: str, known: Collection[str]) -> tuple[str, ...]:
    folded: dict[str, str] = {}
    for name in sorted(known):
        folded.setdefault(plain_name(name), name)
    near = get_close_matches(plain_name(value), folded, MOST_NEAREST, LEAST_LIKENESS)
    return tuple(folded[one] for one in near)
