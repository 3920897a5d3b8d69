"""The pages by address: whoever serves, links or makes a page reads these rows (pure)."""

from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import unquote

from contract.access.permission import Permission


class Rewind(Enum):
    """How a page shows earlier minutes."""

    NONE = ""
    """It shows now alone."""
    STEPS = "steps"
    """It is loaded anew for another minute."""
    PLAYS = "plays"
    """Its script goes from minute to minute."""


class Page(NamedTuple):
    """A page and where it stands."""

    name: str
    """Names its maker in `ops_dashboard.pages.router.MAKERS`."""
    route: str
    """Its address, with at most one place at its end, such as `/school/{code}`."""
    permission: Permission
    """Who may see it."""
    link: str = ""
    """Key of its word in the header of every page; none where no header links to it."""
    title: str = ""
    """Key of its name in the window's title, where it is not that of its link."""
    title_has_place: bool = False
    """Whether what stands in its place follows its name there."""
    libraries: frozenset[str] = frozenset()
    """Those of `LIBRARIES` that it uses: no other page loads them."""
    prerendered: bool = False
    """Whether its document holds what it says, to be read before any script is there."""
    in_menu: bool = False
    """Whether the link is behind the header's last word, for pages that are seldom needed."""
    rewind: Rewind = Rewind.NONE
    script: str = "plain"
    """Names its module in `assets/js`, whose `start` makes it live; `plain` has the clock and the line."""


AG_GRID: Final = "dash_ag_grid"
LIBRARIES: Final = (AG_GRID, "dash/dcc", "dash/dash_table")
"""Folders of Dash's scripts that are heavy, and that few pages need."""

PAGES: Final = (
    Page("wall", "/", Permission.SEE_WALL, "nav.wall", rewind=Rewind.PLAYS, script="wall"),
    Page(
        "incidents",
        "/incidents",
        Permission.SEE_INCIDENTS,
        "nav.incidents",
        rewind=Rewind.PLAYS,
        script="incidents",
    ),
    Page(
        "incident",
        "/incidents/{incident_id}",
        Permission.SEE_INCIDENTS,
        title="nav.incident",
        rewind=Rewind.PLAYS,
        script="incident",
    ),
    Page(
        "alerts",
        "/alerts",
        Permission.SEE_ALERTS,
        "nav.alerts",
        libraries=frozenset({AG_GRID}),
        script="alerts",
        rewind=Rewind.PLAYS,
    ),
    Page(
        "school",
        "/school/{code}",
        Permission.SEE_SCHOOL,
        title="alerts.school",
        title_has_place=True,
        prerendered=True,
        rewind=Rewind.PLAYS,
        script="school",
    ),
    Page(
        "provider",
        "/provider/{name}",
        Permission.SEE_SCHOOL,
        title="alerts.isp",
        title_has_place=True,
        rewind=Rewind.PLAYS,
        script="sheet",
    ),
    Page(
        "area", "/area/{name}", Permission.SEE_SCHOOL, title="nav.area", rewind=Rewind.PLAYS, script="sheet"
    ),
    Page(
        "leadership",
        "/kpi",
        Permission.SEE_FIGURES,
        "nav.leadership",
        prerendered=True,
        rewind=Rewind.STEPS,
        script="leadership",
    ),
    Page(
        "systems",
        "/systems",
        Permission.SEE_FIGURES,
        "nav.systems",
        in_menu=True,
        rewind=Rewind.PLAYS,
        script="sheet",
    ),
    Page(
        "system",
        "/system/{name}",
        Permission.SEE_FIGURES,
        title="nav.system",
        rewind=Rewind.PLAYS,
        script="sheet",
    ),
    Page("quality", "/quality", Permission.SEE_QUARANTINE, "nav.quality", in_menu=True, script="sheet"),
    Page("response", "/response", Permission.SEE_RESPONSE, "nav.response", in_menu=True),
    Page("silences", "/silences", Permission.SEE_SILENCES, "nav.silences", in_menu=True, script="silences"),
    Page("oncall", "/oncall", Permission.SEE_ONCALL, "nav.oncall", in_menu=True, script="oncall"),
    Page("inbox", "/inbox", Permission.SEE_INBOX, "nav.inbox", in_menu=True, script="inbox"),
    Page("quarantine", "/quarantine", Permission.SEE_QUARANTINE, "nav.quarantine", in_menu=True),
)


NOWHERE: Final = Page("nowhere", "", Permission.LOAD_PAGE, title="nav.nowhere")
"""The page of every other address."""


def page_at(path: str) -> tuple[Page, str]:
    """Return the page at an address and what stands in its place, "" without one; else `NOWHERE`."""
    for page in PAGES:
        before, place, _ = page.route.partition("{")
        if path == before or (place and path.startswith(before)):
            return page, unquote(path.removeprefix(before))
    return NOWHERE, ""
