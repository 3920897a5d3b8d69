"""What an incident is called: as on the wall, so that one name goes through wall, desk and message."""

from collections.abc import Mapping

from alerting.incidents.groups import place_of
from alerting.outside.placing import outside_title
from contract.fleet import Fleet, School
from contract.incident import CauseKind, Incident
from contract.rule import Rule
from contract.texts import Language, Texts, write_number


def incident_name(incident: Incident, fleet: Fleet, texts: Texts, language: Language) -> str:
    """Return who or what has it: a school, what several schools share, or the center itself."""
    cause = incident.cause
    if cause.kind is CauseKind.SYSTEM:
        return texts.say("wall.center", language)
    if cause.kind is CauseKind.PLATFORM:
        return texts.say("wall.platform", language)
    if cause.kind is CauseKind.FLEET:
        n = write_number(_schools(incident), language)
        return texts.say("wall.fleet", language, n=n, of=write_number(len(fleet.schools), language))
    if cause.school_id is not None:
        school = school_of(incident, fleet)
        return str(cause.school_id) if school is None else school.name.removeprefix("Trường ")
    shared = " · ".join(filter(None, (cause.isp, place_of(cause, fleet))))
    return shared or texts.say("wall.city", language)


def incident_what(
    incident: Incident, fleet: Fleet, rules: Mapping[str, Rule], texts: Texts, language: Language
) -> str:
    """Return what it has: the title of its rule, how many others, and how many schools share it."""
    rule = rules.get(incident.rule)
    title = outside_title(incident.rule)
    if rule is not None:
        title = rule.title_vi if language is Language.VI else rule.title_en
    if len(incident.rules) > 1:
        title = texts.say("wall.others", language, title=title, n=len(incident.rules) - 1)
    if incident.cause.kind is CauseKind.SYSTEM or not incident.most_schools:
        return title
    if incident.cause.kind is CauseKind.FLEET:
        return texts.say("wall.fleet_what", language, title=title)
    if incident.cause.school_id is not None:
        school = school_of(incident, fleet)
        ward = None if school is None else fleet.ward_by_code.get(school.ward_code)
        return title if ward is None else f"{title} · {ward.short_name}"
    return texts.say("wall.group", language, title=title, n=write_number(_schools(incident), language))


def cluster_name(incident: Incident, fleet: Fleet) -> str:
    """Return the name of the one cluster that an incident is within; empty where it is within none."""
    school = school_of(incident, fleet)
    ward = fleet.ward_by_code.get(incident.cause.ward_code if school is None else school.ward_code)
    code = incident.cause.cluster_code if ward is None else ward.cluster_code
    cluster = fleet.cluster_by_code.get(code)
    return "" if cluster is None else cluster.name


def school_of(incident: Incident, fleet: Fleet) -> School | None:
    """Return the school of an incident of one school by itself, also one that is no more; else None."""
    school_id = incident.cause.school_id
    return None if school_id is None else fleet.school_of(school_id)


def _schools(incident: Incident) -> int:
    """Return its schools; of one with no open alert any more the most that it had at once."""
    return incident.schools if incident.alerts else incident.most_schools
