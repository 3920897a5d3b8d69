"""A document names every script of its page: what a browser would find one after the other."""

import re
from importlib.resources import files

import pytest

from ops_dashboard.modules import BESIDE, FLEET, MAIN, modules_of, preloads
from ops_dashboard.pages.registry import NOWHERE, PAGES

SCRIPTS = files("ops_dashboard") / "assets" / "js"
NAMES = sorted({page.script for page in (*PAGES, NOWHERE)})
OTHERS = {"address", "enter", "pair"}
"""A script that is no module, and those of the pages for whoever is not signed in."""


def text(name: str) -> str:
    return (SCRIPTS / f"{name}.js").read_text("utf-8")


@pytest.mark.parametrize("script", NAMES)
def test_a_page_has_its_script_and_names_whatever_that_imports(script: str) -> None:
    assert re.search(r"^export (async )?function start\(", text(script), re.MULTILINE)
    named = set(
        re.findall(r'rel="modulepreload" fetchpriority="low" href="/assets/js/(\w+)\.js"', preloads(script))
    )
    assert {script, BESIDE} <= named
    for name in named:
        assert set(re.findall(r"^import .*\./(\w+)\.js", text(name), re.MULTILINE)) <= named
    assert ("/api/fleet" in preloads(script)) == (f"./{FLEET}.js" in text(script))


def test_no_script_is_left_over() -> None:
    there = {file.name.removesuffix(".js") for file in SCRIPTS.iterdir()}
    asked = {MAIN, *modules_of(BESIDE)}.union(*(modules_of(script) for script in NAMES))
    assert there == asked | OTHERS
