"""A mistake in any file that an operator edits is told with the file, the line and what is wrong."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Final

import pytest

from config.files import EDITABLE
from contract.access.mapping import parse_sign_in
from contract.calendar import parse_calendar
from contract.catalogue import parse_catalogue
from contract.errors import ConfigurationError
from contract.figures.plan import parse_plan
from contract.figures.targets import parse_targets
from contract.routing.provider_card import parse_providers
from contract.routing.routes_file import parse_routes
from contract.rule import parse_rules


def shipped(name: str) -> str:
    return (files("config") / name).read_text(encoding="utf-8")


CATALOGUE: Final = parse_catalogue(shipped("metrics.toml"))
READERS: Final[dict[str, Callable[[str], object]]] = {
    "metrics.toml": parse_catalogue,
    "rules.toml": lambda text: parse_rules(text, CATALOGUE),
    "calendar.toml": parse_calendar,
    "routes.toml": parse_routes,
    "targets.toml": lambda text: (parse_targets(text), parse_plan(text)),
    "sign_in.toml": parse_sign_in,
    "providers.toml": parse_providers,
}
MORE: Final = {
    "calendar.toml": (
        '\n[closure]\n79010042 = [\n{ first = 2026-11-24, last = 2026-11-25, name = "ngập" },\n]\n'
    ),
    "providers.toml": '\n[[provider]]\nname = "FPT"\nphone = "1"\n',
    "sign_in.toml": '\n[[mapping]]\nclaim = "x"\nrole = "operator"\narea = "city"\n',
    "routes.toml": '\n[[route]]\nname = "x"\nmatch = { isp = "FPT" }\ncontacts = ["inbox"]\n',
}
"""What the shipped files show in comments alone."""
_PAIR: Final = re.compile(r"^([\w.\"-]+)( *= *)(.+)$")


def text_of(name: str) -> str:
    return shipped(name) + MORE.get(name, "")


def pairs(name: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, from 0, that have a key with its whole value."""
    text, opened = text_of(name), 0
    for nth, line in enumerate(text.splitlines()):
        code = line.partition("#")[0] if not opened else line
        if opened == 0 and (found := _PAIR.match(line)) and code.count("[") == code.count("]"):
            yield nth, found[1]
        opened += 0 if line.startswith("[") else code.count("[") - code.count("]")


def told_of(name: str, lines: list[str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        READERS[name]("\n".join(lines))
    return str(caught.value)


def test_every_file_that_may_be_edited_is_tried() -> None:
    assert READERS.keys() == {name for name in EDITABLE if name.endswith(".toml")}
    for name, read in READERS.items():
        read(text_of(name))
        assert [*pairs(name)], name


@pytest.mark.parametrize("name", READERS)
def test_a_value_of_a_wrong_kind_is_told_by_its_line(name: str) -> None:
    lines = text_of(name).splitlines()
    for nth, key in pairs(name):
        told = told_of(name, [*lines[:nth], f"{key} = [[1]]", *lines[nth + 1 :]])
        assert told.startswith(f"{name}, line {nth + 1}: "), (key, told)
        assert "xpected" in told or "none" in told, (key, told)


@pytest.mark.parametrize("name", READERS)
def test_an_unknown_field_is_told_by_its_line_and_which_there_are(name: str) -> None:
    lines = text_of(name).splitlines()
    for nth, key in pairs(name):
        told = told_of(name, [*lines[:nth], "zzz = 1", *lines[nth:]])
        assert told.startswith(f"{name}, line {nth + 1}: "), (key, told)
        assert re.search("may have|is no field|did you mean|Expected|none of|up to 20", told), (key, told)


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_toml_is_told_by_its_line(name: str) -> None:
    lines = text_of(name).splitlines()
    nth, key = next(pairs(name))
    told = told_of(name, [*lines[:nth], f"{key} = = 1", *lines[nth + 1 :]])
    assert re.match(rf"{re.escape(name)}, line {nth + 1}, column \d+: this is no TOML", told), told


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("calendar.toml", ('first = 2026-02-10', 'first = "soon"'), "write a day as 2026-09-05"),
        ("calendar.toml", ("start = 07:15:00", 'start = "7h15"'), "write a time as 07:15:00"),
        ("calendar.toml", ("weekdays =", "weekday ="), "did you mean `weekdays`?"),
        ("calendar.toml", ('country = "VN"', 'country = "VM"'), "write a code such as VN"),
        ("targets.toml", ('figure = "connected"', 'figure = "conected"'), "write one of connected, "),
        ("targets.toml", ("[plan.adequate]", "[plan.adequat]"), "write one of lost, "),
        ("targets.toml", ("detect =", "detection ="), "it may have detect, notify, acknowledge, resolve"),
        ("rules.toml", ('channel = "silence"', 'channel = "silent"'), "write one of "),
        ("rules.toml", ("only_in_session = true", 'only_in_session = "yes"'), "write true or false"),
        ("metrics.toml", ('stream = "bandwidth"', 'stream = "bandwith"'), "write one of bandwidth, "),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_write_instead(name: str, change: tuple[str, str], says: str) -> None:
    text = text_of(name)
    assert change[0] in text
    line = text[: text.index(change[0])].count("\n") + 1
    told = told_of(name, text.replace(*change, 1).splitlines())
    assert told.startswith(f"{name}, line {line}: "), told
    assert says in told
