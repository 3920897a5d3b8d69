"""From a contact to its addresses, and from an address to what sends."""

from collections import OrderedDict
from typing import Final

from contract.routing.contact import Person, Rota, SharedChannel
from contract.routing.route import Routing
from contract.texts import Language
from notifier.config import NotifierConfig
from notifier.senders.alertmanager import AlertmanagerOutlet
from notifier.senders.apprise import open_apprise
from notifier.senders.inbox import InboxOutlet
from notifier.senders.outlet import Outlet
from notifier.senders.zalo_bot import ZaloBotOutlet
from notifier.senders.zalo_oa import ZaloOaOutlet

MOST_OUTLETS: Final = 512
"""Addresses whose outlets are kept; more are opened anew."""


class Channels:
    """Opens outlets and keeps them: an address has the same one until it is pushed out."""

    def __init__(self, config: NotifierConfig) -> None:
        self._config = config
        self._open: OrderedDict[str, Outlet] = OrderedDict()

    async def outlet(self, url: str) -> Outlet:
        """Return what sends to an address.

        Raises:
            AddressError: it cannot be meant.
        """
        found = self._open.get(url)
        if found is None:
            found = self._open[url] = await self._make(url)
            while len(self._open) > MOST_OUTLETS:
                self._open.popitem(last=False)
        return found

    async def _make(self, url: str) -> Outlet:
        config, scheme = self._config, scheme_of(url)
        if scheme == "inbox":
            return InboxOutlet(config.inbox)
        if scheme.startswith("alertmanager+"):
            return AlertmanagerOutlet(url, loopback=config.loopback)
        if scheme == "zalobot":
            return ZaloBotOutlet(url, loopback=config.loopback)
        if scheme == "zalooa":
            return ZaloOaOutlet(url, config.private, loopback=config.loopback)
        return await open_apprise(url)


def scheme_of(url: str) -> str:
    """Return the part of an address that is no secret, such as `mailto`."""
    return url.partition("://")[0]


def addresses(routing: Routing, name: str) -> tuple[str, ...]:
    """Return the addresses of a person or channel, the one to try first at the front; none of a stranger."""
    contact = routing.contacts.get(name)
    if contact is None or isinstance(contact, Rota):
        return ()
    if isinstance(contact, SharedChannel):
        return (contact.url,)
    shared = (routing.contacts.get(way) for way in contact.channels)
    return tuple(
        to.url if isinstance(to, SharedChannel) else way
        for way, to in zip(contact.channels, shared, strict=True)
    )


def language_of(routing: Routing, name: str) -> Language:
    """Return the language of a person or channel."""
    contact = routing.contacts.get(name)
    return Language.VI if contact is None or isinstance(contact, Rota) else contact.language


def user_of(routing: Routing, name: str) -> str:
    """Return the name under which a person signs in; empty for who has none, and for a channel."""
    contact = routing.contacts.get(name)
    return contact.user if isinstance(contact, Person) else ""
