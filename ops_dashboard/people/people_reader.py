"""Who may come in, as the pages of people list it."""

from contract.access.user import User
from ops_dashboard.borrowing import ReaderPool, borrowed
from storage.people.credentials import AccessCredential, CredentialKind, list_credentials
from storage.people.users import find_user, list_users

ANSWER_S = 10.0


class PeopleReader:
    """Asks the tables for people, and for what lets them, walls and programs in."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def users(self) -> list[User]:
        """Return all users by name, those that are disabled too."""
        async with borrowed(self._pool, ANSWER_S) as conn:
            return await list_users(conn)

    async def user(self, name: str) -> User | None:
        """Return a user by name."""
        async with borrowed(self._pool, ANSWER_S) as conn:
            return await find_user(conn, name)

    async def credentials(self, kind: CredentialKind, name: str | None = None) -> list[AccessCredential]:
        """Return the credentials of a kind that are in force, of one name or all, the newest first."""
        async with borrowed(self._pool, ANSWER_S) as conn:
            return await list_credentials(conn, kind, name)
