"""What the project depends on stands in pyproject.toml with its reason, and nothing else does."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.source_tree import source_tree

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
HOUSE = sorted(init.parent.name for init in ROOT.glob("*/__init__.py"))
FILES = [file for package in HOUSE for file in sorted((ROOT / package).rglob("*.py"))]
BY_ITSELF = {"tzdata"}
"""Found by Python's own zoneinfo."""


def named(requirement: str) -> str:
    """Return the distribution that a requirement names, as PEP 503 writes it."""
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


NEEDED = {named(requirement) for requirement in PROJECT["dependencies"]}
CHOSEN = {named(requirement) for group in PROJECT["optional-dependencies"].values() for requirement in group}
MODULES: dict[str, set[str]] = {}
for _module, _distributions in packages_distributions().items():
    for _distribution in _distributions:
        MODULES.setdefault(named(_distribution), set()).add(_module)


@pytest.mark.parametrize("name", sorted(NEEDED | CHOSEN))
def test_a_dependency_says_why(name: str) -> None:
    lines = [
        line
        for line in TEXT.splitlines()
        if (said := re.match(r'\s+"([\w.-]+)', line)) and named(said[1]) == name
    ]
    assert any(re.search(r'",\s*# \S', line) for line in lines)


def test_whatever_is_imported_is_a_dependency() -> None:
    roots = {
        name.split(".")[0]
        for file in FILES
        for node in ast.walk(source_tree(file))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    foreign = roots - set(HOUSE) - sys.stdlib_module_names
    declared = {module for name in NEEDED for module in MODULES.get(name, ())}
    assert foreign <= declared, foreign - declared


@pytest.mark.parametrize("name", sorted(NEEDED - BY_ITSELF))
def test_a_dependency_is_used(name: str) -> None:
    programs = {name.removesuffix("-bin")}  # of a wheel without modules
    words = "|".join(sorted(map(re.escape, MODULES.get(name, programs))))
    spoken = re.compile(rf"\b({words})\b")
    assert any(spoken.search(file.read_text(encoding="utf-8")) for file in FILES)
