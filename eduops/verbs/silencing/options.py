"""The silence that options describe."""

import uuid
from typing import NamedTuple

from alerting.silences.matcher_text import parse_matcher
from alerting.silences.validity import Complaint, settled
from config.files import shipped_texts
from contract.calendar import SchoolCalendar
from contract.clock import parse_at
from contract.errors import ConfigurationError
from contract.routing.silence import (
    SECOND_US,
    Recurrence,
    Silence,
    SilenceKind,
    SilenceMatcher,
)
from contract.texts import Language
from device_simulator.world.faults import parse_duration_s


class MatcherOptions(NamedTuple):
    """What is to be muted, as options say it; empty ones choose nothing."""

    isp: str
    ward: str
    cluster: str
    school: str
    rule: str
    system: str
    priority: str
    match: tuple[str, ...]

    def matchers(self) -> tuple[SilenceMatcher, ...]:
        """Return the matchers.

        Raises:
            ConfigurationError: one cannot be read.
        """
        plain = self._asdict()
        written = plain.pop("match")
        try:
            return (
                *(SilenceMatcher(name, value) for name, value in plain.items() if value),
                *map(parse_matcher, written),
            )
        except ValueError as error:
            raise ConfigurationError(f"--match: {error}") from None


class HourOptions(NamedTuple):
    """When it is to be muted, as options say it."""

    from_: str | None
    until: str | None
    for_: str
    rrule: str
    only_school_days: bool
    not_in_exam: bool


class WishOptions(NamedTuple):
    """Who wants it and why."""

    owner: str
    reason: str
    kind: SilenceKind


def described(
    choice: MatcherOptions, hours: HourOptions, wish: WishOptions, calendar: SchoolCalendar, now_us: int
) -> Silence:
    """Return the silence that options describe.

    Raises:
        ConfigurationError: it may not be; says why.
    """
    zone = calendar.timezone.key
    from_us = _moment_us(hours.from_, zone, "--from")
    until_us = _moment_us(hours.until, zone, "--until")
    try:
        lasts_us = round(parse_duration_s(hours.for_) * SECOND_US) if hours.for_ else 0
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None
    from_us = now_us if from_us is None else from_us
    recurrence = None
    if hours.rrule:
        rule = hours.rrule.removeprefix("RRULE:")
        recurrence = Recurrence(rule, lasts_us, zone, (), hours.only_school_days, hours.not_in_exam)
    elif hours.only_school_days or hours.not_in_exam:
        raise ConfigurationError(
            "--only-school-days and --not-in-exam need --rrule: what recurs leaves days out"
        )
    elif until_us is None and lasts_us:
        until_us = from_us + lasts_us
    silence = Silence(
        str(uuid.uuid4()),
        wish.kind,
        choice.matchers(),
        from_us,
        from_us if until_us is None else until_us,
        wish.owner,
        wish.reason,
        now_us,
        recurrence,
    )
    found = settled(silence, calendar, has_end=until_us is not None)
    if isinstance(found, Complaint):
        raise ConfigurationError(sentence(found))
    return found


def sentence(complaint: Complaint) -> str:
    """Return why a silence is refused."""
    return shipped_texts().say(f"error.silence_{complaint.fault.value}", Language.EN, **complaint.values)


def _moment_us(text: str | None, zone: str, option: str) -> int | None:
    moment = parse_at(text, zone, option)
    return None if moment is None else round(moment.timestamp() * 1e6)
