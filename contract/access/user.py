"""A person who may sign in, and how long a session lasts (pure)."""

import unicodedata
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from contract.access.area import Area
from contract.access.common_passwords import longest_common
from contract.access.fault import AccessError, AccessFault
from contract.access.permission import Role

MOST_NAME: Final = 80
"""Characters of a name."""
LEAST_PASSWORD: Final = 12
"""Characters of a password. Source: OWASP ASVS 5, 6.2.1 asks for 8 and recommends 15."""
MOST_PASSWORD: Final = 256
HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
MOST_TOKEN_DAYS: Final = 400
"""Longest life of a program's token: chosen, a year and the time to change it."""
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is not seen, or turns what is around it."""


class SessionLimits(NamedTuple):
    """How long a session lasts, seconds."""

    idle_s: int
    """Without a request."""
    whole_s: int
    """In all."""


LIMITS: Final[Mapping[Role, SessionLimits]] = {
    Role.SCREEN: SessionLimits(30 * DAY_S, 400 * DAY_S),
    Role.SCHOOL: SessionLimits(12 * HOUR_S, 7 * DAY_S),
    Role.LEADER: SessionLimits(12 * HOUR_S, 7 * DAY_S),
    Role.OPERATOR: SessionLimits(12 * HOUR_S, DAY_S),
    Role.ENGINEER: SessionLimits(12 * HOUR_S, DAY_S),
    Role.ADMINISTRATOR: SessionLimits(4 * HOUR_S, DAY_S),
}
"""By role. Chosen: whoever may change something signs in at least once a day (NIST SP 800-63B-4, AAL2: 24
hours at most), and a shift is 12 hours; a wall is paired once a school year."""


class User(msgspec.Struct, frozen=True):
    """Somebody who may sign in."""

    name: str
    """Unique, also without regard to case."""
    role: Role
    area: Area
    created_at_us: int
    """Real time, µs since 1970."""
    has_password: bool = False
    disabled: bool = False
    signed_in_at_us: int | None = None
    """When they last signed in; None before."""
    has_code: bool = False
    """Whether they sign in with a second factor of ours."""
    subject: str = ""
    """Issuer and `sub` of whoever signs in at the city's provider; empty for a local user."""


def is_plain(text: str) -> bool:
    """Return whether all of a text can be seen: nothing is invisible, and nothing turns the direction.

    Source: Unicode Technical Report 36, 2.6 and 3.5; Trojan Source, Boucher and Anderson 2021.
    """
    return all(unicodedata.category(one) not in _HIDDEN for one in text)


def written_out(text: str) -> str:
    """Return a text with all that cannot be seen written out, such as `\\u202e`: it turns and hides nothing.

    A terminal would obey what begins with ESC, and a line break would begin a line of somebody else's.
    """
    if text.isprintable():  # nearly always
        return text
    return "".join(f"\\u{ord(one):04x}" if unicodedata.category(one) in _HIDDEN else one for one in text)


def folded_name(name: str) -> str:
    """Return a name as it is compared: in one form of Unicode, whatever a keyboard writes, and in no case."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def check_name(name: str) -> str:
    """Return a name for a user, a screen or a token, in one form of Unicode.

    Raises:
        AccessError: it is empty, too long, or not all of it can be seen.
    """
    found = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(found) <= MOST_NAME or not is_plain(found):
        raise AccessError(
            AccessFault.NAME,
            f"a name has 1 to {MOST_NAME} characters, none of which is invisible; this one is {name!a}",
            n=MOST_NAME,
        )
    return found


def check_role(role: Role, area: Area) -> None:
    """Refuse what does not go together.

    Raises:
        AccessError: says what.
    """
    is_of_schools = bool(area.schools) and not (area.clusters or area.wards or area.isp)
    if role is Role.SCHOOL and not is_of_schools:
        raise AccessError(
            AccessFault.ROLE_OF_SCHOOL, "the role school is for named schools alone: --area school:CODE"
        )
    if role is Role.ADMINISTRATOR and not area.is_city:
        raise AccessError(AccessFault.ROLE_OF_CITY, "an administrator's area is the whole city")


def check_password(password: str, name: str) -> str:
    """Return a new password in the one form in which it is compared.

    Raises:
        AccessError: it is too short, too long, or little else than the name or a word that many choose.
    """
    found = unicodedata.normalize("NFC", password)
    if not LEAST_PASSWORD <= len(found) <= MOST_PASSWORD:
        raise AccessError(
            AccessFault.PASSWORD_SHORT,
            f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters",
            least=LEAST_PASSWORD,
            most=MOST_PASSWORD,
        )
    rest = found.casefold().replace(name.casefold(), "").replace("eduops", "")
    if common := longest_common(rest):
        rest = rest.replace(common, "")
    if len(set(found)) < 5 or len(rest) < LEAST_PASSWORD // 2:
        raise AccessError(AccessFault.PASSWORD_LIKE_NAME, "this password is too easy to guess")
    return found
