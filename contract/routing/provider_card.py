"""Whom to call at an internet provider, and what was agreed with it: `providers.toml` (pure)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from contract.naming.plain import plain_name
from contract.toml.tables import TablesText

FILE: Final = "providers.toml"


class ProviderCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an engineer needs while a provider's lines are down; what is not known is empty."""

    name: str
    """As in the fleet; marks, small and capital letters make no difference."""
    phone: str = ""
    contact: str = ""
    """Who answers there, and when."""
    contract: str = ""
    """Its number, and what it promises."""
    runbook: str = ""
    """Address of a page that says what to do, http or https."""


ProviderCards = Mapping[str, ProviderCard]
"""By plain name (`contract.naming.plain`)."""


class _Tables(msgspec.Struct, forbid_unknown_fields=True):
    """All tables of the file."""

    provider: list[dict[str, Any]] = []


def parse_providers(text: str) -> ProviderCards:
    """Return the cards written in TOML `text`; there may be none.

    Raises:
        ConfigurationError: the text is not TOML; a card has no name, a second one the same name, or a
            runbook is no web address; names the line.
    """
    file = TablesText(FILE, text, _Tables)
    cards: dict[str, ProviderCard] = {}
    for place, _ in file.places("provider"):
        card = file.read(place, ProviderCard)
        name = plain_name(card.name)
        if not name:
            raise file.refusal(place, "name", "a provider has no name")
        if name in cards:
            raise file.refusal(place, "name", "it has two cards; write one")
        if card.runbook and not card.runbook.startswith(("https://", "http://")):
            raise file.refusal(place, "runbook", "`runbook` is no address that begins with https://")
        cards[name] = card
    return cards
