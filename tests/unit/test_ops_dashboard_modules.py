"""A document names every script of its page: what a browser would find one after the other."""

import posixpath
import re
from pathlib import Path

import pytest

from ops_dashboard.modules import BESIDE, FLEET, MAIN, modules_of, preloads
from ops_dashboard.pages.registry import NOWHERE, PAGES

SCRIPTS = Path(__file__).parents[2] / "ops_dashboard" / "assets" / "js"
NAMES = sorted({page.script for page in (*PAGES, NOWHERE)})
OTHERS = {"address", "enter", "pair"}
"""A script that is no module, and those of the pages for whoever is not signed in."""


def text(name: str) -> str:
    return (SCRIPTS / f"{name}.js").read_text("utf-8")


def imports(name: str) -> list[str]:
    return re.findall(r"^import .*from '(.+)\.js'", text(name), re.MULTILINE)


@pytest.mark.parametrize("script", NAMES)
def test_a_page_has_its_script_and_names_whatever_that_imports(script: str) -> None:
    assert re.search(r"^export (async )?function start\(", text(script), re.MULTILINE)
    preloaded = r'rel="modulepreload" fetchpriority="low" href="/assets/js/([\w/]+)\.js"'
    named = set(re.findall(preloaded, preloads(script)))
    assert {script, BESIDE} <= named
    for name in named:
        beside = {posixpath.normpath(f"{name}/../{imported}") for imported in imports(name)}
        assert beside <= named
    assert ("/api/fleet" in preloads(script)) == (f"./{FLEET}.js" in text(script))


def test_no_script_is_left_over() -> None:
    there = {str(file.relative_to(SCRIPTS)).removesuffix(".js") for file in SCRIPTS.rglob("*.js")}
    asked = {MAIN, *modules_of(BESIDE)}.union(*(modules_of(script) for script in NAMES))
    assert there == asked | OTHERS
