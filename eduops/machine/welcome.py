"""What `eduops up` says first and last: where the wall is, how to get in, how to stop; in both languages."""

import shlex
import sys
from pathlib import Path
from typing import Final

from config.files import shipped_texts
from contract.texts import Language
from eduops.data_folder import DataFolder
from eduops.machine.people import Entrance
from eduops.settings import Settings

_RULE: Final = "═" * 78
_WIDTH: Final = 26
"""Columns of the words at the left: the longest and two blanks."""


def welcome(entrance: Entrance, folder: DataFolder) -> str:
    """Return a block that is seen among log lines; whoever starts the system reads it first.

    Args:
        entrance: how people get to the wall.
        folder: of the system that runs.
    """
    command = command_on(folder.path)
    rows = [
        (_both("up.wall"), [entrance.address, *_both("up.lets_in" if entrance.lets_in else "up.sign_in")]),
        (_both("up.again"), [f"{command} status"]),
        (_both("up.logs"), [str(folder.logs)]),
        (_both("up.stop"), ["Ctrl-C"]),
    ]
    if entrance.lets_in:
        rows.insert(1, (_both("up.link"), [f"{command} user link {entrance.lets_in}"]))
    lines = ["", _RULE, f"  {' · '.join(_both('up.runs'))}", ""]
    for label, told in rows:
        head = " · ".join(label)
        lines += [f"  {'' if n else head:<{_WIDTH}}{line}" for n, line in enumerate(told)]
    return "\n".join([*lines, _RULE, ""])


def opening() -> str:
    """Return the first words of a start, which takes a while."""
    return " · ".join(_both("up.starts"))


def _both(key: str) -> list[str]:
    return [shipped_texts().say(key, language) for language in (Language.VI, Language.EN)]


def command_on(data: Path) -> str:
    """Return how a verb of ours is called from here: the program as it was called, and the data folder."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "eduops" else "eduops"
    is_usual = data == Settings.model_fields["data"].get_default(call_default_factory=True)
    return program if is_usual else f"EDUOPS_DATA={shlex.quote(str(data))} {program}"
