"""What the pages of people work with, wired once."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fastapi import Request
from psycopg import AsyncConnection

from config.sign_in import FollowedSignIn
from contract.access.decision import Principal
from contract.fleet import Fleet
from ops_dashboard.access.asking import asking
from ops_dashboard.access.register import Register
from ops_dashboard.api.answers import Refusal
from ops_dashboard.borrowing import ReaderPool, borrowed
from ops_dashboard.people.passwords import PasswordKeeper
from ops_dashboard.people.people_reader import PeopleReader
from ops_dashboard.people.render import Renderer
from ops_dashboard.people.waiting_screens import WaitingScreens

if TYPE_CHECKING:
    from ops_dashboard.people.city.provider import IdentityProvider

ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class PeopleOffice:
    """Everything that a page of people may use."""

    pool: ReaderPool
    register: Register
    screens: WaitingScreens
    reader: PeopleReader
    fleet: Fleet
    renderer: Renderer
    passwords: PasswordKeeper
    secure: bool
    """Whether people reach the center by TLS."""
    public_url: str
    """Where people reach the center; empty: where their browsers say."""
    provider: "IdentityProvider | None"
    """Of the city's own sign-in; None where there is none."""
    sign_in: FollowedSignIn
    """Who of it is what here."""

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """Lend a connection for the length of a block."""
        return borrowed(self.pool, ANSWER_S)

    def own_address(self, request: Request) -> str:
        """Return where people reach the center, without a slash at its end."""
        return (self.public_url or str(request.base_url)).rstrip("/")


def asking_person() -> Principal:
    """Return who asks.

    Raises:
        Refusal: nobody is signed in.
    """
    bearer = asking()
    if bearer is None:
        raise Refusal(401, "sign_in_first")
    return bearer.principal
