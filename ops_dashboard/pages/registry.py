"""The pages by address: whoever serves, links or makes a page reads these rows (pure)."""

from typing import Final, NamedTuple
from urllib.parse import unquote


class Page(NamedTuple):
    """A page and where it stands."""

    name: str
    """Names its maker in `ops_dashboard.pages.router.MAKERS`; a script of that name may be in `main.js`."""
    route: str
    """Its address, with at most one place at its end, such as `/school/{code}`."""
    link: str = ""
    """Key of its word in the header of every page; none where no header links to it."""
    in_menu: bool = False
    """Whether the link is behind the header's last word, for pages that are seldom needed."""


PAGES: Final = (
    Page("wall", "/", "nav.wall"),
    Page("incidents", "/incidents", "nav.incidents"),
    Page("incident", "/incidents/{incident_id}"),
    Page("alerts", "/alerts", "nav.alerts"),
    Page("school", "/school/{code}"),
    Page("leadership", "/kpi", "nav.leadership"),
    Page("response", "/response", "nav.response", in_menu=True),
    Page("oncall", "/oncall", "nav.oncall", in_menu=True),
    Page("inbox", "/inbox", "nav.inbox", in_menu=True),
    Page("quarantine", "/quarantine", "nav.quarantine", in_menu=True),
)


NOWHERE: Final = Page("nowhere", "")
"""The page of every other address."""


def page_at(path: str) -> tuple[Page, str]:
    """Return the page at an address and what stands in its place, "" without one; else `NOWHERE`."""
    for page in PAGES:
        before, place, _ = page.route.partition("{")
        if path == before or (place and path.startswith(before)):
            return page, unquote(path.removeprefix(before))
    return NOWHERE, ""
