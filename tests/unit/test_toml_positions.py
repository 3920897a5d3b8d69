"""Where the values of a TOML file stand: every way that TOML has of writing them."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from contract.toml.positions import Path, value_lines

AWKWARD = '''# a comment = 1
title = "a # no comment [x]" # one
"quoted key".'and other' = """
[[no.head]]
x = 1""" # the text ends here
multi = \'\'\'
it''s ]
\'\'\'
list = [ # of two
  1, [2, 3],
  # between
  { deep = [
      4 ] , "it's" = 'x' },
]
when = 2026-09-05 07:15:00
nothing = []
[a . "b.c"]
here = true
[[many]]
x = 1
[[many.inner]]
y = 1
[[many.inner]]
y = 2
[many.plain]
z = "\\"]"
[[many]]
x = { y = 2, z = {} }
'''
LINES = {
    ("title",): 2,
    ("quoted key", "and other"): 3,
    ("multi",): 6,
    ("list",): 9,
    ("list", 0): 10,
    ("list", 1, 1): 10,
    ("list", 2, "deep"): 12,
    ("list", 2, "deep", 0): 13,
    ("list", 2, "it's"): 13,
    ("when",): 15,
    ("nothing",): 16,
    ("a",): 17,
    ("a", "b.c"): 17,
    ("a", "b.c", "here"): 18,
    ("many",): 19,
    ("many", 0): 19,
    ("many", 0, "x"): 20,
    ("many", 0, "inner", 1): 23,
    ("many", 0, "inner", 1, "y"): 24,
    ("many", 0, "plain", "z"): 26,
    ("many", 1): 27,
    ("many", 1, "x", "y"): 28,
    ("many", 1, "x", "z"): 28,
}


def ways(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the way to each value within one."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from ways(one, (*path, step))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_way_of_writing_a_value_has_its_line(end: str) -> None:
    found = value_lines(AWKWARD.replace("\n", end))
    assert {path: found[path] for path in LINES} == LINES
    assert found.keys() == {*ways(tomllib.loads(AWKWARD))}


@pytest.mark.parametrize("file", [*files("config").iterdir()], ids=lambda file: file.name)
def test_every_value_of_the_shipped_files_stands_where_it_is_said_to(file: Any) -> None:
    if not file.name.endswith(".toml"):
        return
    text = file.read_text(encoding="utf-8")
    found, lines = value_lines(text), text.splitlines()
    assert found.keys() == {*ways(tomllib.loads(text))}
    for path, line in found.items():
        name = next(step for step in reversed(path) if isinstance(step, str))
        assert isinstance(path[-1], int) or name in lines[line - 1], path
