"""Whether somebody may do something: the one function that decides (pure)."""

from enum import StrEnum
from typing import Final

import msgspec

from contract.access.area import Area
from contract.access.permission import CHANGING, GRANTS, Permission, Role, TokenScope


class NotAllowed(StrEnum):
    """Why somebody may not; each has a text `error.…` in texts.toml."""

    SIGN_IN = "sign_in_first"
    """Nobody knows who asks."""
    ROLE = "not_your_role"
    AREA = "beyond_area"
    CODE = "second_factor_first"
    """A second factor is asked for where people come from beyond this machine."""


class Principal(msgspec.Struct, frozen=True):
    """Somebody who proved who they are."""

    name: str
    """Of the user, the screen or the token."""
    grade: Role | TokenScope
    """A person's or a screen's role, or what a program's token may do."""
    area: Area
    session: str = ""
    """Hex digits by which the session or token is known, never what proves it."""
    has_code: bool = False
    """Whether a person has a second factor; that of the city's sign-in is the city's."""

    @property
    def is_person(self) -> bool:
        """Whether it is a person, not a screen and not a program."""
        return isinstance(self.grade, Role) and self.grade is not Role.SCREEN

    @property
    def lacks_code(self) -> bool:
        """Whether a person may change something for others, and has no second factor."""
        grants = (GRANTS[what] for what in CHANGING)
        return self.is_person and not self.has_code and any(self.grade in g.roles for g in grants)


OPEN: Final = frozenset({Permission.ENTER})
"""What strangers may."""


def may(who: Principal | None, what: Permission, *, within: bool = True) -> NotAllowed | None:
    """Return why somebody may not do something; None where they may.

    Args:
        who: the one who asks; None for a stranger.
        what: of the table `GRANTS`.
        within: whether all schools that it is about lie in their area (`Area.covers`).
    """
    if what in OPEN:
        return None
    if who is None:
        return NotAllowed.SIGN_IN
    grant = GRANTS[what]
    if who.grade not in grant.roles and who.grade not in grant.scopes:
        return NotAllowed.ROLE
    if not within or (grant.whole_city and not who.area.is_city):
        return NotAllowed.AREA
    return None
