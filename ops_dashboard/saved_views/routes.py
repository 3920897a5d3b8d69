"""What people keep of a list's choice under a name, over HTTP: each their own."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from ops_dashboard.access.own import asking_name
from ops_dashboard.api.answers import json_answer
from ops_dashboard.saved_views.keeping import SavedViews
from storage.people.saved_views import SavedView

ViewedPage = Literal["incidents"]
"""Names of the pages whose choices are kept."""
ViewName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]
ViewQuery = Annotated[str, StringConstraints(max_length=500, pattern=r"^[\w.~%&=+*-]*$")]


class WantedView(BaseModel):
    """A choice and its name."""

    model_config = ConfigDict(extra="forbid")

    name: ViewName
    query: ViewQuery = ""
    """Of the page's address, without `?`."""
    former: ViewName | None = None
    """The name of one that shall be called otherwise; its query stays."""


def add_saved_views(router: APIRouter, views: SavedViews) -> None:
    @router.get("/api/views/{page}")
    async def kept(page: ViewedPage) -> Response:
        """Return the choices of a list that whoever asks keeps."""
        return _told(await views.kept(asking_name(), page))

    @router.post("/api/views/{page}")
    async def keep(page: ViewedPage, wanted: Annotated[WantedView, Body()]) -> Response:
        """Keep a choice of a list under a name, or give one that is kept another."""
        user = asking_name()
        if wanted.former is not None:
            return _told(await views.rename(user, page, wanted.former, wanted.name))
        return _told(await views.add(user, page, SavedView(wanted.name, wanted.query)))

    @router.delete("/api/views/{page}")
    async def forget(page: ViewedPage, name: Annotated[ViewName, Query()]) -> Response:
        """Forget a choice of a list."""
        return _told(await views.drop(asking_name(), page, name))


def _told(found: list[SavedView]) -> Response:
    return json_answer({"views": [view._asdict() for view in found]})
