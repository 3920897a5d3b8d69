"""The `[[report]]` tables of routes.toml, read and checked."""

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Annotated

import msgspec
from msgspec import Meta

from contract.figures.spans import SpanKind
from contract.routing.contact import Contact, Person, Rota
from contract.routing.contact_tables import Name, RoutesText, check_known
from contract.routing.report import ReportFormat, ReportOrder
from contract.texts import Language


class _Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    span: SpanKind
    at: time
    contacts: Annotated[list[Name], Meta(min_length=1)]
    formats: Annotated[tuple[ReportFormat, ...], Meta(min_length=1)] = (ReportFormat.PDF,)
    language: Language | None = None


def read_reports(text: RoutesText, contacts: Mapping[str, Contact]) -> tuple[ReportOrder, ...]:
    """Return all reports that are ordered.

    Raises:
        ConfigurationError: one is wrong, or goes to somebody who looks after an area; names its line.
    """
    found: dict[str, ReportOrder] = {}
    for place, _ in text.places("report"):
        written = text.read(place, _Report)
        if written.name in found:
            raise text.refusal(place, "name", "`name` is that of another report")
        check_known(text, place, written.contacts, contacts)
        for name in written.contacts:
            area = next((p for p in _people(contacts[name], contacts) if p.area), None)
            if area is not None:
                why = f"`contacts` reaches {area.name!r}, who has an `area`: reports are of the whole city"
                raise text.refusal(place, "contacts", why)
        found[written.name] = ReportOrder(
            written.name,
            written.span,
            written.at,
            tuple(dict.fromkeys(written.contacts)),
            tuple(dict.fromkeys(written.formats)),
            written.language,
            text.line_of(place),
        )
    return tuple(found.values())


def _people(contact: Contact, contacts: Mapping[str, Contact]) -> Iterator[Person]:
    """Yield the persons that a contact may mean."""
    names = [contact.name]
    if isinstance(contact, Rota):
        names = [person for layer in contact.layers for person in layer.people]
        names += [override.person for override in contact.overrides]
    yield from (one for one in map(contacts.get, names) if isinstance(one, Person))
