"""An incident in words, as its page and the list of incidents say it (pure)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from alerting.messages.names import cluster_name, school_of
from alerting.messages.story import Office, Story, StoryWords
from contract.alert import Alert
from contract.fleet import PUPILS_UNKNOWN, DeviceKind, Fleet
from contract.incident import CauseKind, Incident, IncidentState, Membership, SchoolSpan
from contract.privacy import K
from contract.texts import Language, Texts, write_clock, write_number
from ops_dashboard.view.addresses import area_address, provider_address

UNKNOWN: Final = "–"


class IncidentWords(msgspec.Struct, frozen=True):
    """What stands on an incident's line of the list."""

    name: str
    """Who or what has it, as on the wall and in messages."""
    what: str
    """What it has."""
    who: str
    """Who has it, or that nobody has; empty once it is over."""
    pupils: str
    """Pupils that it concerns now; no number below k."""
    most_pupils: str
    """The same at worst."""
    isp: str
    """The one provider whose schools it concerns; else empty."""
    cluster: str
    """Name of the one cluster that it is within; else empty."""
    todo: str
    """The next step; empty once it is over."""


class IncidentStory(msgspec.Struct, frozen=True):
    """What the page of an incident says beside its line."""

    said: list[str]
    """Sentences, the first what it is and since when."""
    why: str
    """Why the center thinks so; empty once it is over."""
    advice: str
    """The next step; empty once it is over."""


class MemberPlace(msgspec.Struct, frozen=True):
    """Where an alert of an incident is."""

    code: str
    """Of the school; empty for the center itself."""
    name: str
    ward: str
    ward_address: str
    """Where the ward's page is."""


def incident_words(incident: Incident, office: Office, language: Language, now_us: int) -> IncidentWords:
    """Return an incident's line; `now_us` is the log time."""
    words = StoryWords(office, language, now_us)
    places = words.places(Story(incident, ()))
    fleet = office.groups.fleet
    school = school_of(incident, fleet)
    return IncidentWords(
        name=places["name"],
        what=_what(incident, words),
        who=places["who"],
        pupils=_pupils(incident, incident.pupils, incident.schools, language),
        most_pupils=_pupils(incident, incident.most_pupils, incident.most_schools, language),
        isp=incident.cause.isp if school is None else school.isp,
        cluster=cluster_name(incident, fleet),
        todo="" if incident.ended_at_us is not None else words.todo(incident),
    )


def incident_story(
    incident: Incident,
    alerts: Sequence[Alert],
    office: Office,
    language: Language,
    now_us: int,
    *,
    silenced_us: int | None,
) -> IncidentStory:
    """Return what an incident's page says.

    Args:
        incident: as it stands.
        alerts: its open ones, else those it had; not all of many.
        office: what every message needs.
        language: of the page.
        now_us: log time.
        silenced_us: until when nobody is told of it; None if somebody is.
    """
    words = StoryWords(office, language, now_us)
    places = words.places(Story(incident, alerts))
    said = [f"{_what(incident, words)}. {places['span']}."]
    if incident.most_schools > incident.schools:
        said.append(_reach(incident, words))
    if incident.quiet_at_us is not None and incident.ended_at_us is None:
        at = write_clock(incident.quiet_at_us, language, office.zone)[:5]
        said.append(words.say("incident.said_quiet", at=at))
    if incident.because:
        said.append(words.say("incident.said_dismissed", because=words.say(f"because.{incident.because}")))
    if places["who"]:
        said.append(f"{places['who']}.")
    if silenced_us is not None:
        said.append(words.say("incident.said_silenced", at=words.moment(silenced_us)))
    return IncidentStory(said, places["why"], places["advice"])


def _what(incident: Incident, words: StoryWords) -> str:
    """Return what an incident has, and before it that an exercise is one."""
    what = words.what(Story(incident, ()))
    return f"{words.say('message.exercise')} · {what}" if incident.exercise else what


class SimilarIncident(msgspec.Struct, frozen=True):
    """An incident of the same cause that is over, and how it ended."""

    incident_id: str
    name: str
    what: str
    opened_at_us: int
    lasted_s: float
    """From its first alert's opening until all was well."""
    ended: str
    """Who had it, or why it was no problem."""
    note: str
    """What somebody wrote last about it; empty if nobody did."""


def similar_incident(
    incident: Incident, note: str, office: Office, language: Language, now_us: int
) -> SimilarIncident:
    """Return how a former incident ended; `note` is what somebody wrote last about it."""
    words = StoryWords(office, language, now_us)
    who = incident.assignee or incident.acknowledged_by
    ended = words.say("incident.ended_by", name=who) if who else words.say("incident.ended_by_itself")
    if incident.because:
        ended = words.say("incident.said_dismissed", because=words.say(f"because.{incident.because}"))
    over_us = incident.quiet_at_us or incident.ended_at_us or now_us
    return SimilarIncident(
        incident.incident_id,
        words.name(Story(incident, ())),
        _what(incident, words),
        incident.opened_at_us,
        (over_us - incident.opened_at_us) / 1e6,
        ended,
        note,
    )


class MemberGroup(msgspec.Struct, frozen=True):
    """Schools of an incident that share a ward or a provider."""

    name: str
    address: str
    schools: int
    """With an open alert."""
    all_schools: int
    """That ever had one."""


def member_groups(spans: Sequence[SchoolSpan], fleet: Fleet) -> dict[str, list[MemberGroup]]:
    """Return the schools of an incident by ward and by provider, most first; `spans` is of each alert."""
    found: dict[str, list[MemberGroup]] = {}
    now = {span.school_id for span in spans if span.until_us is None}
    schools = {i: school for i in {span.school_id for span in spans} if (school := fleet.school_of(i))}
    for kind in ("ward", "isp"):
        of: dict[tuple[str, str], list[int]] = {}
        for school_id, school in schools.items():
            ward = fleet.ward_by_code[school.ward_code]
            key = (ward.short_name, area_address(ward.code))
            if kind == "isp":
                key = (school.isp, provider_address(school.isp))
            of.setdefault(key, []).append(school_id)
        groups = [MemberGroup(*key, sum(i in now for i in ids), len(ids)) for key, ids in of.items()]
        found[kind] = sorted(groups, key=lambda one: (-one.schools, -one.all_schools, one.name))
    return found


class CausePlace(msgspec.Struct, frozen=True):
    """A page about something that an incident is in."""

    name: str
    address: str


def cause_places(incident: Incident, fleet: Fleet, texts: Texts, language: Language) -> list[CausePlace]:
    """Return the pages of the provider, ward, cluster, school or system that an incident is about."""
    cause, school = incident.cause, school_of(incident, fleet)
    found = []
    if school is not None:
        found.append(CausePlace(school.name, f"/school/{quote(school.code)}"))
    if cause.kind is CauseKind.PLATFORM:
        system = texts.say(f"sheet.system_{DeviceKind.ELEARNING.value}", language)
        found.append(CausePlace(system, f"/system/{DeviceKind.ELEARNING.value}"))
    if isp := cause.isp if school is None else school.isp:
        found.append(CausePlace(isp, provider_address(isp)))
    ward = fleet.ward_by_code.get(cause.ward_code if school is None else school.ward_code)
    if ward is not None:
        found.append(CausePlace(ward.name, area_address(ward.code)))
    cluster = fleet.cluster_by_code.get(cause.cluster_code if ward is None else ward.cluster_code)
    if cluster is not None:
        name = f"{texts.say('wall.cluster', language)} {cluster.name}"
        found.append(CausePlace(name, area_address(cluster.code)))
    return found


def member_place(member: Membership, fleet: Fleet) -> MemberPlace | None:
    """Return where an alert of an incident is, also a school that is no more; None for the center itself."""
    school = fleet.school_of(member.alert.school_id)
    if school is None:
        return None
    ward = fleet.ward_by_code[school.ward_code]
    return MemberPlace(school.code, school.name, ward.short_name, area_address(ward.code))


def _reach(incident: Incident, words: StoryWords) -> str:
    most = write_number(incident.most_schools, words.language)
    if incident.state is IncidentState.RESOLVED or not incident.alerts:
        return words.say("incident.said_worst", most=most)
    return words.say("incident.said_reach", n=write_number(incident.schools, words.language), most=most)


def _pupils(incident: Incident, pupils: int, schools: int, language: Language) -> str:
    if incident.cause.kind is CauseKind.SYSTEM or (schools and pupils <= schools * PUPILS_UNKNOWN):
        return UNKNOWN
    if 0 < pupils < K:
        return f"< {K}"
    return write_number(pupils, language)
