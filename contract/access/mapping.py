"""Who is what here, by what the city's sign-in says of them: `sign_in.toml` (pure)."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from contract.access.area import Area, parse_area
from contract.access.fault import AccessError
from contract.access.permission import Role
from contract.access.user import check_role
from contract.toml.tables import TablesText

FILE: Final = "sign_in.toml"
_PLACE: Final = re.compile(r"\{([^{}]+)\}")
"""Where an area takes a code from a claim."""
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""What a claim may put there: a code, never a second area."""
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Claims = Mapping[str, Any]
"""What the provider says of a person, as in an id_token (OpenID Connect Core 1.0, section 5.1)."""


class RoleMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has a claim is of a role, in an area."""

    claim: Text
    """Its name; dots lead into what it holds."""
    role: Role
    area: Text
    """As `parse_area` reads it; `{claim}` stands for the codes that another claim holds."""
    has: Text | None = None
    """What it is or has in its list; None: anything."""


class Entitlement(NamedTuple):
    """What somebody may be here."""

    role: Role
    area: Area


class _Above(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact: Annotated[str, Meta(max_length=200)] = ""
    """Whom to ask who is not let in: a name and how to reach it."""
    name_claim: Text = "preferred_username"
    """By which name people are shown and recorded."""
    scopes: tuple[Text, ...] = ("profile", "email")
    """What is asked for beside `openid`."""
    acr: Annotated[str, Meta(max_length=200)] = ""
    """How people must have proved who they are (`acr`), such as by two factors; or empty."""


class _File(_Above, frozen=True, forbid_unknown_fields=True):
    mapping: list[dict[str, Any]] = []


class SignInFile(_Above, frozen=True, forbid_unknown_fields=True):
    """What stands in `sign_in.toml`."""

    mappings: tuple[RoleMapping, ...] = ()

    def entitlement(self, claims: Claims) -> Entitlement | None:
        """Return what the first mapping that fits makes of somebody; None where none does.

        Raises:
            AccessError: their area cannot be, such as one of too many schools.
        """
        for mapping in self.mappings:
            held = held_values(claims, mapping.claim)
            area = _written(mapping.area, claims)
            if area is not None and (mapping.has in held if mapping.has is not None else held):
                return Entitlement(mapping.role, parse_area(area))
        return None

    def name(self, claims: Claims) -> str:
        """Return how somebody is called."""
        return next(iter(held_values(claims, self.name_claim)), str(claims["sub"]))


def parse_sign_in(text: str) -> SignInFile:
    """Return what is written in TOML `text`.

    Raises:
        ConfigurationError: something is wrong; names its line.
    """
    file = TablesText(FILE, text, _File)
    mappings = []
    for place, _ in file.places("mapping"):
        mapping = file.read(place, RoleMapping)
        if mapping.role is Role.SCREEN:
            raise file.refusal(place, "role", "`role` is 'screen', which is no person's: screens are paired")
        try:
            check_role(mapping.role, parse_area(_PLACE.sub("x", mapping.area)))
        except AccessError as error:
            raise file.refusal(place, "area", str(error)) from error
        mappings.append(mapping)
    whole = file.whole
    return SignInFile(whole.contact, whole.name_claim, whole.scopes, whole.acr, tuple(mappings))


def held_values(claims: Claims, path: str) -> list[str]:
    """Return what a claim holds, as a list; empty where it is not there, or nothing that can be compared."""
    found: Any = claims.get(path)
    if found is None:  # a name may itself have dots, such as https://…/roles
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str) and one]


def _written(area: str, claims: Claims) -> str | None:
    """Return an area with the codes that claims put into it; None where they put none there."""
    words = []
    for word in area.split(","):
        place = _PLACE.search(word)
        codes = [""] if place is None else held_values(claims, place[1])
        if not codes or (place and not all(map(_CODE.fullmatch, codes))):
            return None
        words += [word if place is None else word.replace(place[0], code) for code in codes]
    return ",".join(words)
