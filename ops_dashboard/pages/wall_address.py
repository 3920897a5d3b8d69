"""What the address of a wall asks for, and what of it nobody understands (pure)."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from contract.fleet import Fleet
from contract.texts import Language, Texts
from ops_dashboard.view.areas import WallArea, find_area

VIEWS: Final = ("map", "wards", "attendance", "elearning", "systems", "traffic", "day")
"""What may stand at the wall's left: schools, wards, attendance, learners, systems, traffic, the day."""
KNOWN: Final = frozenset({"lang", "sound", "area", "view", "rotate", "scale", "dim", "at"})
ROTATE_S: Final = range(10, 601)
"""Seconds that each view may stand."""
SCALE: Final = (0.7, 1.3)
"""Bounds of the factor of all sizes."""


class WallAddress(NamedTuple):
    """What a wall shows and how; what the address did not say, or said wrongly, is as usual."""

    area: WallArea | None
    """None for the whole city."""
    view: str
    rotate_s: int
    """Seconds after which the next view comes; 0 for never."""
    scale: float
    dim: str
    """Local hours in which the wall is dark, such as `18-6`; empty for none."""
    said: list[str]
    """A sentence about each part that was not understood."""


def read_address(query: Mapping[str, str], fleet: Fleet, texts: Texts, language: Language) -> WallAddress:
    """Return what a wall's address asks for; `query` has each name once."""
    said: list[str] = []

    def bad(name: str, usual: str) -> None:
        said.append(texts.say(f"wall.bad_{name}", language, value=query[name][:60], usual=usual))

    unknown = sorted(name for name in query if name not in KNOWN)
    if unknown:
        said.append(texts.say("wall.ignored", language, names=", ".join(unknown)[:120]))
    area = find_area(query["area"], fleet) if "area" in query else None
    if "area" in query and area is None:
        bad("area", "")
    view = query.get("view", VIEWS[0])
    if view not in VIEWS:
        bad("view", ", ".join(VIEWS))
        view = VIEWS[0]
    rotate = _number(query.get("rotate", "0"))
    if rotate is None or (rotate != 0 and int(rotate) not in ROTATE_S):
        bad("rotate", f"{ROTATE_S[0]}–{ROTATE_S[-1]}")
        rotate = 0.0
    scale = _number(query.get("scale", "1"))
    if scale is None or not SCALE[0] <= scale <= SCALE[1]:
        bad("scale", f"{SCALE[0]}–{SCALE[1]}")
        scale = 1.0
    dim = query.get("dim", "")
    if dim and not _are_hours(dim):
        bad("dim", "18-6")
        dim = ""
    return WallAddress(area, view, int(rotate), scale, dim, said)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) else None


def _are_hours(text: str) -> bool:
    found = re.fullmatch(r"([0-9]{1,2})-([0-9]{1,2})", text)
    return found is not None and all(int(hour) < 24 for hour in found.groups())
