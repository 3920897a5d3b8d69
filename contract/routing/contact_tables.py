"""Tables of routes.toml that name contacts and escalations, read and checked."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from contract.routing.contact import (
    DAY_US,
    WEEK_US,
    Contact,
    Escalation,
    EscalationStep,
    Person,
    Rota,
    RotaLayer,
    RotaOverride,
    SharedChannel,
)
from contract.texts import Language
from contract.toml.tables import TablePlace, TablesText

Name = Annotated[str, Meta(min_length=1, max_length=80)]
Address = Annotated[str, Meta(min_length=1, max_length=500)]
Weekday = Annotated[int, Meta(ge=0, le=6)]
"""0 is Monday."""
Local = Annotated[datetime, Meta(tz=False)]
"""A local date and time, without an offset."""

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S*")
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_PERIOD_S: Final = 3_600
"""Nobody hands over more often than once an hour: chosen."""
NEVER: Final = "never"
"""What `ack_timeout` says where an acknowledgement holds for ever."""
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class RoutesTables(msgspec.Struct, forbid_unknown_fields=True):
    """All tables of a routes.toml, by kind."""

    person: list[dict[str, Any]] = []
    channel: list[dict[str, Any]] = []
    rota: list[dict[str, Any]] = []
    escalation: list[dict[str, Any]] = []
    route: list[dict[str, Any]] = []
    report: list[dict[str, Any]] = []


RoutesText = TablesText[RoutesTables]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name


class _Person(_Table, frozen=True, kw_only=True):
    channels: Annotated[list[Address], Meta(min_length=1)]
    language: Language = Language.VI
    area: str = ""
    user: str = ""


class _Channel(_Table, frozen=True, kw_only=True):
    url: str
    language: Language = Language.VI


class _Rota(_Table, frozen=True, kw_only=True):
    layer: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    override: list[dict[str, Any]] = []
    timezone: str = "Asia/Ho_Chi_Minh"


class _Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    people: Annotated[list[Name], Meta(min_length=1)]
    handover: Local
    period: str
    from_: time | None = msgspec.field(name="from", default=None)
    to: time | None = None
    weekdays: Annotated[tuple[Weekday, ...], Meta(min_length=1)] = (0, 1, 2, 3, 4, 5, 6)


class _Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: Name
    from_: Local = msgspec.field(name="from")
    to: Local


class _Escalation(_Table, frozen=True, kw_only=True):
    step: list[dict[str, Any]] = []
    repeat: Annotated[int, Meta(ge=0, le=9)] = 0
    ack_timeout: str = ""


class _Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    wait: str
    contacts: list[Name] = []


def read_contacts(text: RoutesText) -> dict[str, Contact]:
    """Return all contacts by name.

    Raises:
        ConfigurationError: one is wrong; names its line.
    """
    found: dict[str, Contact] = {}
    for place, _ in text.places("channel"):
        channel = text.read(place, _Channel)
        if not _URL.fullmatch(channel.url):
            raise text.refusal(place, "url", "`url` is no address such as mailto://…, or inbox://")
        line = text.line_of(place)
        _add(text, place, found, SharedChannel(channel.name, channel.url, channel.language, line))
    for place, _ in text.places("person"):
        person = text.read(place, _Person)
        for way in person.channels:
            if not _URL.fullmatch(way) and not isinstance(found.get(way), SharedChannel):
                why = "`channels` has what is neither an address nor the name of a channel"
                raise text.refusal(place, "channels", why)
        ways, line = tuple(person.channels), text.line_of(place)
        _add(
            text,
            place,
            found,
            Person(person.name, ways, person.language, person.area, person.user.strip(), line),
        )
    for place, _ in text.places("rota"):
        _add(text, place, found, _rota(text, place, text.read(place, _Rota), found))
    return found


def read_escalations(text: RoutesText, contacts: Mapping[str, Contact]) -> dict[str, Escalation]:
    """Return all escalations by name.

    Raises:
        ConfigurationError: one is wrong; names its line.
    """
    found: dict[str, Escalation] = {}
    for place, table in text.places("escalation"):
        written = text.read(place, _Escalation)
        if written.name in found:
            raise text.refusal(place, "name", "`name` is that of another escalation")
        if not written.step:
            raise text.refusal(place, "step", "has no `step`, so it would tell nobody")
        steps = tuple(_step(text, place, n, contacts) for n in range(len(written.step)))
        timeout_us = None
        if "ack_timeout" in table:
            timeout_us = read_ack_timeout(text, place, written.ack_timeout)
        found[written.name] = Escalation(written.name, steps, written.repeat, timeout_us, text.line_of(place))
    return found


def read_ack_timeout(text: RoutesText, place: TablePlace, said: str) -> int | None:
    """Return how long an acknowledgement holds, µs; None for `never`.

    Raises:
        ConfigurationError: it is neither that nor a time; names its line.
    """
    return None if said == NEVER else text.duration_us(place, "ack_timeout", said)


def check_known(
    text: RoutesText, place: TablePlace, names: Iterable[str], contacts: Mapping[str, Contact]
) -> None:
    """Refuse contacts that the file does not have.

    Raises:
        ConfigurationError: there is one; names its line.
    """
    for name in names:
        if name not in contacts:
            why = f"`contacts` names no person, rota or channel: {name!r}"
            raise text.refusal(place, "contacts", why)


def _add(text: RoutesText, place: TablePlace, found: dict[str, Contact], contact: Contact) -> None:
    if contact.name in found:
        raise text.refusal(place, "name", "`name` is that of another person, rota or channel")
    found[contact.name] = contact


def _step(text: RoutesText, outer: TablePlace, nth: int, contacts: Mapping[str, Contact]) -> EscalationStep:
    place = TablePlace(outer.kind, outer.nth, "step", nth)
    step = text.read(place, _Step)
    if not step.contacts:
        raise text.refusal(place, "contacts", "`contacts` is empty, so nobody would be told")
    check_known(text, place, step.contacts, contacts)
    wait_us = text.duration_us(place, "wait", step.wait)
    return EscalationStep(tuple(step.contacts), wait_us, text.line_of(place))


def _rota(text: RoutesText, place: TablePlace, rota: _Rota, contacts: Mapping[str, Contact]) -> Rota:
    places = [TablePlace(place.kind, place.nth, "layer", n) for n in range(len(rota.layer))]
    read = [text.read(at, _Layer) for at in places]
    offset_us = _offset_us(text, place, rota.timezone, read[0].handover.year)
    layers = []
    for at, layer in zip(places, read, strict=True):
        _check_people(text, at, "people", layer.people, contacts)
        period_us = text.duration_us(at, "period", layer.period, least_s=LEAST_PERIOD_S)
        handover_us = _at_us(layer.handover, offset_us)
        week = _week(text, at, layer)
        layers.append(RotaLayer(tuple(layer.people), handover_us, period_us, week, text.line_of(at)))
    gap_us = _gap_us(layers)
    if gap_us is not None:
        day, rest = divmod(gap_us // 60_000_000, 1440)
        moment = f"{WEEKDAYS[day]} {rest // 60:02}:{rest % 60:02}"
        raise text.refusal(place, "", f"has a gap: no layer is on from {moment}, so nobody is on duty")
    overrides = _overrides(text, place, rota, offset_us, contacts)
    return Rota(rota.name, offset_us, tuple(layers), overrides, text.line_of(place))


def _overrides(
    text: RoutesText, outer: TablePlace, rota: _Rota, offset_us: int, contacts: Mapping[str, Contact]
) -> tuple[RotaOverride, ...]:
    found: list[RotaOverride] = []
    for n in range(len(rota.override)):
        place = TablePlace(outer.kind, outer.nth, "override", n)
        read = text.read(place, _Override)
        _check_people(text, place, "person", [read.person], contacts)
        from_us, to_us = _at_us(read.from_, offset_us), _at_us(read.to, offset_us)
        if to_us <= from_us:
            raise text.refusal(place, "to", f"`to` is {read.to}, not after `from`, {read.from_}")
        for other in found:
            if from_us < other.to_us and other.from_us < to_us:
                where = "another override" if other.line is None else f"the override in line {other.line}"
                raise text.refusal(place, "from", f"overlaps {where}")
        found.append(RotaOverride(read.person, from_us, to_us, text.line_of(place)))
    return tuple(sorted(found, key=lambda override: override.from_us))


def _check_people(
    text: RoutesText, place: TablePlace, field: str, names: Iterable[str], contacts: Mapping[str, Contact]
) -> None:
    for name in names:
        if not isinstance(contacts.get(name), Person):
            raise text.refusal(place, field, f"`{field}` names no person: {name!r}")


def _offset_us(text: RoutesText, place: TablePlace, name: str, year: int) -> int:
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise text.refusal(place, "timezone", f"`timezone` is no time zone: {name!r}") from None
    offsets = {zone.utcoffset(datetime(year, month, 1)) for month in range(1, 13)}
    offset = offsets.pop()
    if offsets or offset is None:
        why = f"`timezone` {name!r} has summer time, which would move the handover; rotas need a zone without"
        raise text.refusal(place, "timezone", why)
    return offset // _MICROSECOND


def _at_us(local: datetime, offset_us: int) -> int:
    return (local.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND - offset_us


def _week(text: RoutesText, place: TablePlace, layer: _Layer) -> tuple[tuple[int, int], ...]:
    """Return when in a week a layer is on; what begins on Sunday night goes on into Monday."""
    if (layer.from_ is None) != (layer.to is None):
        field = "from" if layer.to is None else "to"
        raise text.refusal(place, field, "has only one of `from` and `to`")
    begins_us, length_us = 0, DAY_US
    if layer.from_ is not None and layer.to is not None:
        begins_us, ends_us = _of_day_us(layer.from_), _of_day_us(layer.to)
        if begins_us == ends_us:
            raise text.refusal(place, "to", "`to` is the same as `from`; leave both out for the whole day")
        length_us = (ends_us - begins_us) % DAY_US
    spans: list[tuple[int, int]] = []
    for weekday in sorted(set(layer.weekdays)):
        start_us = weekday * DAY_US + begins_us
        end_us = start_us + length_us
        spans.append((start_us, min(end_us, WEEK_US)))
        if end_us > WEEK_US:
            spans.append((0, end_us - WEEK_US))
    return tuple(sorted(spans))


def _of_day_us(moment: time) -> int:
    of_day = timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
    return of_day // _MICROSECOND


def _gap_us(layers: Iterable[RotaLayer]) -> int | None:
    """Return the first moment of the week at which no layer is on, µs after Monday 0:00; None without."""
    until_us = 0
    for start_us, end_us in sorted(span for layer in layers for span in layer.week):
        if start_us > until_us:
            break
        until_us = max(until_us, end_us)
    return until_us if until_us < WEEK_US else None
