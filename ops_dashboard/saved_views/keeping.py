"""The choices of lists that people keep, in the tables."""

from ops_dashboard.api.answers import Refusal
from ops_dashboard.borrowing import ReaderPool, borrowed
from storage.people.saved_views import (
    SavedView,
    add_saved_view,
    drop_saved_view,
    rename_saved_view,
    saved_views,
)

ANSWER_S = 10.0
MOST_VIEWS = 30
"""Of one person and page: more are no help in finding one."""


class SavedViews:
    """Keeps what a person chose; every deed returns what they keep then."""

    def __init__(self, pool: ReaderPool) -> None:
        self._pool = pool

    async def kept(self, user: str, page: str) -> list[SavedView]:
        """Return what a user keeps of a page."""
        async with borrowed(self._pool, ANSWER_S) as conn:
            return await saved_views(conn, user, page)

    async def add(self, user: str, page: str, view: SavedView) -> list[SavedView]:
        """Keep one more.

        Raises:
            Refusal: there is one of that name, or there are too many.
        """
        async with borrowed(self._pool, ANSWER_S) as conn:
            if len(await saved_views(conn, user, page)) >= MOST_VIEWS:
                raise Refusal(409, "too_many_views", n=MOST_VIEWS)
            if not await add_saved_view(conn, user, page, view):
                raise Refusal(409, "view_name_taken", name=view.name)
            return await saved_views(conn, user, page)

    async def rename(self, user: str, page: str, former: str, name: str) -> list[SavedView]:
        """Give one another name.

        Raises:
            Refusal: it is not there any more, or there is one of that name.
        """
        async with borrowed(self._pool, ANSWER_S) as conn:
            if not await rename_saved_view(conn, user, page, former, name):
                raise Refusal(409, "view_name_taken", name=name)
            return await saved_views(conn, user, page)

    async def drop(self, user: str, page: str, name: str) -> list[SavedView]:
        """Forget one, if it is there."""
        async with borrowed(self._pool, ANSWER_S) as conn:
            await drop_saved_view(conn, user, page, name)
            return await saved_views(conn, user, page)
