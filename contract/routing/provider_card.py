"""Whom to call at an internet provider, and what was agreed with it: `providers.toml` (pure)."""

import tomllib
from collections.abc import Mapping
from typing import Final

import msgspec

from contract.errors import ConfigurationError
from contract.naming.plain import plain_name

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


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: list[ProviderCard] = []


def parse_providers(text: str) -> ProviderCards:
    """Return the cards written in TOML `text`; there may be none.

    Raises:
        ConfigurationError: the text is not TOML; a card has no name, a second one the same name, or a
            runbook is no web address.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except ValueError as error:
        raise ConfigurationError(f"{FILE}: {error}") from error
    cards: dict[str, ProviderCard] = {}
    for card in file.provider:
        name = plain_name(card.name)
        if not name:
            raise ConfigurationError(f"{FILE}: a provider has no name")
        if name in cards:
            raise ConfigurationError(f"{FILE}: {card.name!r} has two cards; write one")
        if card.runbook and not card.runbook.startswith(("https://", "http://")):
            raise ConfigurationError(
                f"{FILE}: the runbook of {card.name!r} is {card.runbook!r}; write an address with https://"
            )
        cards[name] = card
    return cards
