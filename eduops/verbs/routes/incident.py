"""The incident that `eduops routes test` asks about: one of the database, or one that is made up."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from alerting.incidents.groups import Groups
from alerting.messages.story import Office
from alerting.routing.facts import IncidentFacts, facts_of
from alerting.routing.plan import Handling, HandlingKind
from config.files import Configuration, shipped_texts
from config.fleet_csv import Areas, parse_areas
from contract.errors import ConfigurationError
from contract.incident import CauseKind, IncidentEventKind
from contract.routing.contact import Person
from contract.routing.notice import Notice, NoticeReason
from contract.routing.route import Routing
from eduops.connections import database_url, saved_fleet
from eduops.settings import Settings
from notifier.telling import Withheld, told_of
from storage.database import connect
from storage.incidents import incident_history, load_incident

_HANDLED: Final = {
    IncidentEventKind.ACKNOWLEDGED: HandlingKind.ACKNOWLEDGED,
    IncidentEventKind.RESOLVED: HandlingKind.RESOLVED,
    IncidentEventKind.REOPENED: HandlingKind.REOPENED,
}


class Described(NamedTuple):
    """A made-up incident, as the options say it."""

    cause: str
    isp: str
    cluster: str
    ward: str
    school: str
    rule: str
    priority: int
    pupils: int


class ToldOf(NamedTuple):
    """An incident to ask about."""

    facts: IncidentFacts
    opened_us: int
    """µs since 1970."""
    handled: tuple[Handling, ...] = ()
    incident_id: str = ""
    """Empty for one that is made up."""
    accounts: Mapping[str, str] = MappingProxyType({})
    """What the account of a person changes for them, by the person's name; who is told all is left out."""


async def stored(settings: Settings, incident_id: str) -> ToldOf:
    """Return an incident of the running system and what was done about it.

    Raises:
        ConfigurationError: there is none of that id.
    """
    fleet = await saved_fleet(settings)
    async with await connect(database_url(settings)) as connection:
        found = await load_incident(connection, incident_id)
        if found is None:
            raise ConfigurationError(f"no incident has the id {incident_id!r}; /api/incidents lists them")
        events = await incident_history(connection, found.incident_id)
    handled = tuple(Handling(e.at_us, _HANDLED[e.kind]) for e in events if e.kind in _HANDLED)
    return ToldOf(facts_of(found, fleet), found.began_at_us, handled, found.incident_id)


async def seen_by_accounts(
    settings: Settings, incident_id: str, own: Configuration, routing: Routing
) -> dict[str, str]:
    """Return what people with an account are told of an incident now, by name, but for who is told all."""
    rules = {rule.name: rule for rule in own.rules}
    groups = Groups(await saved_fleet(settings))
    office = Office(groups, own.catalogue, rules, shipped_texts(), own.calendar.timezone, "")
    found: dict[str, str] = {}
    async with await connect(database_url(settings)) as connection:
        incident = await load_incident(connection, incident_id)
        assert incident is not None  # `stored` found it
        for name, user in _accounts(routing):
            notice = Notice("", incident.incident_id, name, name, NoticeReason.OPENED, 1, 0, "", 1)
            told = await told_of(connection, notice, user, office)
            if isinstance(told, Withheld):
                found[name] = f"withheld, and the next step at once: {told.words}"
            elif (seen := told.stories[0].incident.most_schools) < incident.most_schools:
                found[name] = f"as {user}: {seen} of its {incident.most_schools} schools"
    return found


def unsure_accounts(routing: Routing) -> dict[str, str]:
    """Return by name which people are told of a made-up incident what their account will let them see."""
    return {name: f"as far as the account {user} may see it" for name, user in _accounts(routing)}


def _accounts(routing: Routing) -> Iterator[tuple[str, str]]:
    for contact in routing.contacts.values():
        if isinstance(contact, Person) and contact.user:
            yield contact.name, contact.user


def described(words: Described, areas_text: str, opened_us: int) -> ToldOf:
    """Return an incident as the options describe it.

    Args:
        words: the options.
        areas_text: an areas.csv, which knows the wards and clusters.
        opened_us: µs since 1970.

    Raises:
        ConfigurationError: no cause is of that kind, or no ward or cluster has that name.
    """
    if words.cause and words.cause not in set(CauseKind):
        raise ConfigurationError(f"--cause is {words.cause!r}; it is one of {', '.join(CauseKind)}")
    areas = parse_areas(areas_text)
    ward = next((w for w in areas.wards if words.ward in (w.code, w.name, w.short_name)), None)
    if words.ward and ward is None:
        raise ConfigurationError(f"no ward is called {words.ward!r}; areas.csv lists them")
    code = words.cluster if ward is None else ward.cluster_code
    cluster = next((c for c in areas.clusters if code in (c.code, c.name)), None)
    if code and cluster is None:
        raise ConfigurationError(f"no cluster is called {code!r}; areas.csv lists them")
    facts = IncidentFacts(
        priority=words.priority,
        rule=words.rule,
        cause=CauseKind(words.cause) if words.cause else _cause_of(words),
        isp=words.isp,
        cluster=() if cluster is None else (cluster.code, cluster.name),
        ward=() if ward is None else (ward.code, ward.name, ward.short_name),
        school=(words.school,) if words.school else (),
        pupils=words.pupils,
        areas=_areas_of(areas, words, "" if cluster is None else cluster.code),
    )
    return ToldOf(facts, opened_us)


def _areas_of(areas: Areas, words: Described, cluster_code: str) -> frozenset[str]:
    """Return the names of the ward, or of the cluster and its wards, of the options; none for everywhere."""
    if not cluster_code:
        return frozenset()
    wards = [w for w in areas.wards if w.cluster_code == cluster_code]
    if words.ward:
        wards = [w for w in wards if words.ward in (w.code, w.name, w.short_name)]
    clusters = {name for c in areas.clusters if c.code == cluster_code for name in (c.code, c.name)}
    return frozenset(clusters | {name for w in wards for name in (w.code, w.name, w.short_name)})


def _cause_of(words: Described) -> CauseKind:
    """Return the kind of cause that the places mean which were named."""
    if words.school:
        return CauseKind.SCHOOL
    if words.ward:
        return CauseKind.ISP_WARD if words.isp else CauseKind.WARD
    if words.cluster:
        return CauseKind.ISP_CLUSTER if words.isp else CauseKind.CLUSTER
    return CauseKind.ISP if words.isp else CauseKind.CITY
