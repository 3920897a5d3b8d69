"""The Vietnamese page on operating has the sections and commands of the English one."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = (DOCS / "operating.md").read_text(encoding="utf-8")
VIETNAMESE = (DOCS / "vi" / "operating.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections(text: str, heading: str) -> dict[str, str]:
    """Return what stands below each heading, by the English name of it."""
    found = list(re.finditer(heading, text, re.MULTILINE))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[1]: text[match.end() : end] for match, end in zip(found, ends, strict=True)}


THEIRS = sections(ENGLISH, r"^##+ (.+)$")
OURS = sections(VIETNAMESE, r"^##+ .+\n<!-- (.+) -->$")


def spoken(section: str) -> set[str]:
    """Return the commands, settings and names within the sentences."""
    return set(re.findall(r"`([^`\n]+)`", BLOCK.sub("", section)))


def commanded(section: str) -> list[str]:
    """Return the lines of the blocks, without what is said of them to people."""
    lines = "".join(BLOCK.findall(section)).splitlines()
    return [stripped for line in lines if (stripped := re.sub(r"(^|\s)(#|--) .*$", "", line).strip())]


def test_every_section_is_there_or_said_to_be_english_alone() -> None:
    left = re.findall(r"^- (\S.*)$", VIETNAMESE.partition("\n## ")[0], re.MULTILINE)
    assert len(re.findall(r"^##", VIETNAMESE, re.MULTILINE)) == len(OURS)
    assert sorted([*OURS, *left]) == sorted(THEIRS)
    order = list(THEIRS)
    assert all(order.index(one) < order.index(other) for one, other in pairwise(OURS))


@pytest.mark.parametrize("name", OURS)
def test_a_section_has_the_same_commands_and_names(name: str) -> None:
    assert commanded(OURS[name]) == commanded(THEIRS[name])
    assert spoken(OURS[name]) == spoken(THEIRS[name])


def test_links_lead_somewhere() -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", VIETNAMESE)]
    assert all((DOCS / "vi" / target).exists() for target in targets if target)
