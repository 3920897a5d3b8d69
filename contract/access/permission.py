"""What may be done, and by which role or token: the one table (pure).

Source: docs/security.md; the shape is NIST RBAC (Ferraiolo et al. 2001), roles that contain one another.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Role(StrEnum):
    """What a person, or a wall, is in the center; each has texts in texts.toml."""

    SCREEN = "screen"
    """A wall without a keyboard."""
    SCHOOL = "school"
    """Somebody of a school; their area names schools alone."""
    LEADER = "leader"
    """Looks at everything, changes nothing."""
    OPERATOR = "operator"
    """On duty: takes alerts and incidents."""
    ENGINEER = "engineer"
    """Also decides what nobody is told of, and sees what was refused."""
    ADMINISTRATOR = "administrator"
    """Also decides who may do what."""


class TokenScope(StrEnum):
    """What a program may do with its token."""

    WALL = "wall"
    """What a screen sees: for the watchdog."""
    READ = "read"
    """All that can be read, but for users, tokens and the record."""
    OPERATE = "operate"
    """Also take alerts and silence them: for amtool and Grafana."""
    ALERTS_IN = "alerts-in"
    """Bring alerts from outside, and nothing else."""
    INGEST = "ingest"
    """Bring readings over HTTP, and nothing else."""
    ADMIN = "admin"
    """Everything."""


class Permission(StrEnum):
    """A kind of deed; every route, websocket and page names one."""

    ENTER = "enter"
    """Sign in, and what a page needs for that: the only one that strangers have."""
    LOAD_PAGE = "load_page"
    """The programs of the pages, without any data."""
    OWN_SESSIONS = "own_sessions"
    """See and end one's own sessions, change one's own password, keep one's own choices of lists."""
    SEE_WALL = "see_wall"
    SEE_CITY = "see_city"
    """Figures that are kept of the whole city only."""
    SEE_SCHOOL = "see_school"
    """A school's page and its series."""
    SEE_ALERTS = "see_alerts"
    SEE_INCIDENTS = "see_incidents"
    """With their timelines, and who was told."""
    SEE_FIGURES = "see_figures"
    """Leadership's figures, on the page, as a table and as a report."""
    SEE_RESPONSE = "see_response"
    SEE_ONCALL = "see_oncall"
    SEE_INBOX = "see_inbox"
    SEE_SILENCES = "see_silences"
    SEE_CALENDAR = "see_calendar"
    """Days that history proposes for the school calendar, and what was decided about them."""
    SEE_FEEDS = "see_feeds"
    """What other authorities are told."""
    SEE_CENTER = "see_center"
    """How the center itself is: its logs and their lag."""
    SEE_QUARANTINE = "see_quarantine"
    HANDLE_ALERTS = "handle_alerts"
    """Acknowledge, note, dismiss an alert."""
    HANDLE_INCIDENTS = "handle_incidents"
    """Take, hand back, assign, comment, dismiss, end, split, merge."""
    SILENCE = "silence"
    SWAP_DUTY = "swap_duty"
    """Let somebody have the duty of a rota for a while, and end that."""
    DECIDE_DAYS = "decide_days"
    """Accept days into the school calendar, reject them, take it back."""
    BRING_ALERTS = "bring_alerts"
    BRING_READINGS = "bring_readings"
    MANAGE_USERS = "manage_users"
    MANAGE_SCREENS = "manage_screens"
    MANAGE_TOKENS = "manage_tokens"
    SEE_AUDIT = "see_audit"


class Grant(NamedTuple):
    """A row of the table."""

    roles: frozenset[Role]
    scopes: frozenset[TokenScope]
    whole_city: bool
    """Whether it is for those alone whose area is the whole city: it cannot be narrowed."""


_ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})
_ENGINEERS: Final = _ADMINISTRATORS | {Role.ENGINEER}
_OPERATORS: Final = _ENGINEERS | {Role.OPERATOR}
_LEADERS: Final = _OPERATORS | {Role.LEADER}
_PEOPLE: Final = _LEADERS | {Role.SCHOOL}
_ALL: Final = _PEOPLE | {Role.SCREEN}
_ADMIN: Final = frozenset({TokenScope.ADMIN})
_OPERATE: Final = _ADMIN | {TokenScope.OPERATE}
_READ: Final = _OPERATE | {TokenScope.READ}
_WALL: Final = _READ | {TokenScope.WALL}
_NO_PROGRAM: Final = frozenset[TokenScope]()


def _grant(roles: frozenset[Role], scopes: frozenset[TokenScope], *, whole_city: bool = False) -> Grant:
    return Grant(roles, scopes, whole_city)


GRANTS: Final[Mapping[Permission, Grant]] = {
    Permission.ENTER: _grant(_ALL, frozenset(TokenScope)),
    Permission.LOAD_PAGE: _grant(_ALL, _WALL),
    Permission.OWN_SESSIONS: _grant(_PEOPLE, _NO_PROGRAM),
    Permission.SEE_WALL: _grant(_ALL, _WALL),
    Permission.SEE_CITY: _grant(_ALL, _WALL, whole_city=True),
    Permission.SEE_SCHOOL: _grant(_PEOPLE, _READ),
    Permission.SEE_ALERTS: _grant(_PEOPLE, _READ),
    Permission.SEE_INCIDENTS: _grant(_PEOPLE, _READ),
    Permission.SEE_FIGURES: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_RESPONSE: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_ONCALL: _grant(_LEADERS, _READ),
    Permission.SEE_INBOX: _grant(_OPERATORS, _READ, whole_city=True),
    Permission.SEE_SILENCES: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_CALENDAR: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_FEEDS: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_CENTER: _grant(_LEADERS, _READ, whole_city=True),
    Permission.SEE_QUARANTINE: _grant(_ENGINEERS, _READ, whole_city=True),
    Permission.HANDLE_ALERTS: _grant(_OPERATORS, _OPERATE),
    Permission.HANDLE_INCIDENTS: _grant(_OPERATORS, _OPERATE),
    Permission.SILENCE: _grant(_ENGINEERS, _OPERATE, whole_city=True),
    Permission.SWAP_DUTY: _grant(_ENGINEERS, _OPERATE, whole_city=True),
    Permission.DECIDE_DAYS: _grant(_OPERATORS, _OPERATE, whole_city=True),
    Permission.BRING_ALERTS: _grant(_ENGINEERS, _OPERATE | {TokenScope.ALERTS_IN}, whole_city=True),
    Permission.BRING_READINGS: _grant(frozenset(), _ADMIN | {TokenScope.INGEST}, whole_city=True),
    Permission.MANAGE_USERS: _grant(_ADMINISTRATORS, _NO_PROGRAM, whole_city=True),
    Permission.MANAGE_SCREENS: _grant(_ADMINISTRATORS, _NO_PROGRAM, whole_city=True),
    Permission.MANAGE_TOKENS: _grant(_ADMINISTRATORS, _NO_PROGRAM, whole_city=True),
    Permission.SEE_AUDIT: _grant(_ADMINISTRATORS, _ADMIN, whole_city=True),
}
"""Who may do what. Users, screens and tokens are for people alone: a token that leaks makes no other one."""
CHANGING: Final = frozenset(
    {
        Permission.HANDLE_ALERTS,
        Permission.HANDLE_INCIDENTS,
        Permission.SILENCE,
        Permission.SWAP_DUTY,
        Permission.DECIDE_DAYS,
        Permission.BRING_ALERTS,
        Permission.BRING_READINGS,
        Permission.MANAGE_USERS,
        Permission.MANAGE_SCREENS,
        Permission.MANAGE_TOKENS,
    }
)
"""What changes something for others."""
