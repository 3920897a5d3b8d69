"""The parts of a file that an operator edits, by name: what changed can be said without any value.

Addresses of channels hold tokens, so no value leaves the file: of each only a digest is compared.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAMING: Final = ("name", "id", "first")
"""What tells an element of an array of tables from its neighbours, the first that it has."""
_DIGEST_BYTES: Final = 8
MOST_SAID: Final = 240
"""Characters of what changed; how many parts more there are is said."""


def parts_of(text: str) -> dict[str, str]:
    """Return a digest of each value of a TOML text by its dotted name; empty for anything else."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    return {
        ".".join(path): hashlib.blake2b(repr(value).encode(), digest_size=_DIGEST_BYTES).hexdigest()
        for path, value in _leaves(found, ())
    }


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        taken: set[str] = set()
        for number, one in enumerate(value, 1):
            label = next((str(one[key]) for key in _NAMING if key in one), f"#{number}")
            label = label if label not in taken else f"{label}#{number}"
            taken.add(label)
            yield from _leaves(one, (*path, label))
    else:
        yield path, value


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return which parts were changed, added and removed, as many as there is room for; empty if none was.

    Of what is new or gone as a whole the whole is named: `rule.too_hot`, not each of its fields.
    """
    changed = [name for name, digest in after.items() if before.get(name, digest) != digest]
    said = [
        *(f"changed {name}" for name in changed),
        *(f"added {name}" for name in _beyond(after, before)),
        *(f"removed {name}" for name in _beyond(before, after)),
    ]
    room = [n for n in range(len(said) + 1) if len(", ".join(said[:n])) <= MOST_SAID]
    more = [f"and {len(said) - room[-1]} more"] if room[-1] < len(said) else []
    return ", ".join(said[: room[-1]] + more)


def _beyond(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return the shortest beginnings of names `here` with which none begins `there`, in order, each once."""
    known = {start for name in there for start in _starts(name)}
    return list(
        dict.fromkeys(
            next(start for start in _starts(name) if start not in known) for name in here if name not in there
        )
    )


def _starts(name: str) -> list[str]:
    words = name.split(".")
    return [".".join(words[: n + 1]) for n in range(len(words))]
