"""The text of a rules.toml with other thresholds and nothing else changed: comments and order stay (pure)."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.rule import parse_rules

_HEAD: Final = re.compile(r"^[ \t]*\[\[[ \t]*rule[ \t]*\]\]", re.MULTILINE)
"""The line that a rule begins with."""
_NAME: Final = re.compile(r"""^\s*name\s*=\s*["']([^"']*)["']""", re.MULTILINE)
_Z: Final = re.compile(r"^(\s*z\s*=\s*)([^\s#]+)", re.MULTILINE)
_CHANNEL: Final = re.compile(r"^(\s*)channel\s*=.*$", re.MULTILINE)


def with_thresholds(text: str, z_of: Mapping[str, float], catalogue: Catalogue) -> str:
    """Return the text with another `z` in the named rules; a rule that has no line of it gets one.

    Args:
        text: a rules.toml that can be read.
        z_of: thresholds by rule name.
        catalogue: metrics that rules may name.

    Raises:
        ConfigurationError: the text is written in a way that cannot be edited line by line.
    """
    starts = [match.start() for match in _HEAD.finditer(text)]
    parts = [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    edited = "".join(_edited(part, z_of) for part in parts)
    wanted = tuple(
        msgspec.structs.replace(rule, z=z_of[rule.name]) if rule.name in z_of else rule
        for rule in parse_rules(text, catalogue)
    )
    if parse_rules(edited, catalogue) != wanted:
        raise ConfigurationError(
            "the rules are written in a way that cannot be edited line by line: set `z` by hand"
        )
    return edited


def _edited(part: str, z_of: Mapping[str, float]) -> str:
    name = _NAME.search(part)
    if name is None or name[1] not in z_of:
        return part
    z = repr(z_of[name[1]])
    if _Z.search(part):
        return _Z.sub(lambda match: match[1] + z, part, count=1)
    return _CHANNEL.sub(lambda match: f"{match[0]}\n{match[1]}z = {z}", part, count=1)
