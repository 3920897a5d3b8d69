"""Contacts and escalations: whom a route tells, and whom next if nobody acknowledges."""

from typing import Final

import msgspec

from contract.texts import Language

DAY_US: Final = 86_400_000_000
WEEK_US: Final = 7 * DAY_US


class Person(msgspec.Struct, frozen=True):
    """Somebody who is told."""

    name: str
    """Unique among all contacts."""
    channels: tuple[str, ...]
    """Ways to reach the person, the one to try first at the front: URLs, or names of `SharedChannel`s."""
    language: Language
    area: str
    """Name or code of the cluster or ward that the person looks after; empty for the whole city."""
    user: str
    """Name under which the person signs in: they are told what their account may see; empty for none."""
    line: int | None
    """Line of routes.toml at which it begins; None where the file is not written a table a head."""


class SharedChannel(msgspec.Struct, frozen=True):
    """A place that several people read: a chat group, a mailing list, the center's own inbox."""

    name: str
    url: str
    language: Language
    line: int | None


class RotaLayer(msgspec.Struct, frozen=True):
    """People who take turns."""

    people: tuple[str, ...]
    """Names of persons, in the order of their turns."""
    handover_us: int
    """A moment at which the first of `people` takes over, µs since 1970; turns go on before and after it."""
    period_us: int
    """Length of a turn, µs."""
    week: tuple[tuple[int, int], ...]
    """Stretches of the week in which the layer is on, µs after Monday 0:00 local time, end not included."""
    line: int | None


class RotaOverride(msgspec.Struct, frozen=True):
    """One person instead of whoever the layers name, by the file or by a swap."""

    person: str
    from_us: int
    """µs since 1970."""
    to_us: int
    """µs since 1970, not included."""
    line: int | None
    swapped_by: str = ""
    """Who made the swap that it is; empty for one of the file."""


class Rota(msgspec.Struct, frozen=True):
    """Who is on duty when. At every moment an override holds or a layer is on."""

    name: str
    offset_us: int
    """Local time less UTC, µs; the same all year."""
    layers: tuple[RotaLayer, ...]
    """A later one goes before an earlier one wherever it is on."""
    overrides: tuple[RotaOverride, ...]
    """The first that holds counts: swaps, the one that was made last at the front, then those of the file by
    their beginning, of which no two overlap."""
    line: int | None


Contact = Person | SharedChannel | Rota
"""Whoever a route or a step of an escalation may name."""


class EscalationStep(msgspec.Struct, frozen=True):
    """Whom to tell, and how long they have."""

    contacts: tuple[str, ...]
    """Names of contacts, at least one; all are told at once."""
    wait_us: int
    """Time for an acknowledgement before the next step is told, µs; 0 where none follows."""
    line: int | None


class Escalation(msgspec.Struct, frozen=True):
    """Steps that are told one after the other until somebody acknowledges."""

    name: str
    """Empty where a route names its contacts itself."""
    steps: tuple[EscalationStep, ...]
    """At least one."""
    repeat: int
    """How often all steps are told again."""
    ack_timeout_us: int | None
    """Time without a deed after which an acknowledgement runs out and the steps begin again, µs; None for
    never. Of a route, what that says itself goes first."""
    line: int | None
