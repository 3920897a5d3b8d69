"""docs/rules.md lists every channel with the fields of its own and their defaults, as the code has them."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from contract.rule import CHANNEL_NAMES, MetricRule, Rule, SystemRule

DOC = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", DOC, re.MULTILINE))
COMMON = re.search(r"^Every rule has .*$", DOC, re.MULTILINE)
_FIELD = re.compile(r"`(\w+)`(?: ([\w.]+))?")


def test_every_channel_has_a_row() -> None:
    assert ROWS.keys() == CHANNEL_NAMES


@pytest.mark.parametrize("kind", get_args(Rule))
def test_fields_of_a_channel_are_documented_with_their_defaults(kind: type[Rule]) -> None:
    shared = {field.name for field in msgspec.structs.fields(MetricRule)}
    own = {field.name: field.default for field in msgspec.structs.fields(kind) if field.name not in shared}
    written = dict(_FIELD.findall(ROWS[str(kind.__struct_config__.tag)]))
    assert written == {name: _shown(default) for name, default in own.items()}


def test_what_rules_have_in_common_is_documented() -> None:
    assert COMMON
    of_all, _, of_metrics = COMMON[0].partition("; every rule but")
    everywhere = {field.name for field in msgspec.structs.fields(SystemRule)}
    assert set(re.findall(r"`(\w+)`", of_all)) == everywhere | {"channel"}
    assert set(re.findall(r"`(\w+)`", of_metrics.partition("Meanings")[0])) - {"system"} == {
        field.name for field in msgspec.structs.fields(MetricRule) if field.name not in everywhere
    }


def _shown(default: object) -> str:
    if default in (None, (), msgspec.NODEFAULT):
        return ""
    return f"{default:.15g}" if isinstance(default, float) else str(default).lower()
