"""The scripts of a page by what imports what: a document names them all, so that none waits for another."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from posixpath import normpath
from typing import Final

MAIN: Final = "main"
"""The module that every document starts; it imports the page's own by the name in the document."""
BESIDE: Final = "parts/find"
"""The module of the search, which stands on nearly every page."""
FLEET: Final = "parts/fleet"
"""The module that asks for the fleet: a page that imports it itself draws nothing before."""
_IMPORT: Final = re.compile(r"^import [^;]* from '(\.[\w/.]+)\.js';$", re.MULTILINE)


@cache
def _imports() -> Mapping[str, tuple[str, ...]]:
    """Return the modules that each module imports at its head, by name: `wall`, `wall/tiles`."""
    found: dict[str, tuple[str, ...]] = {}
    folders = [("", files("ops_dashboard") / "assets" / "js")]
    for folder, place in folders:
        for file in place.iterdir():
            if file.is_dir():
                folders.append((f"{folder}{file.name}/", file))
            elif file.name.endswith(".js"):
                imports = _IMPORT.findall(file.read_text("utf-8"))
                found[folder + file.name.removesuffix(".js")] = tuple(normpath(folder + i) for i in imports)
    return found


@cache
def modules_of(script: str) -> tuple[str, ...]:
    """Return a page's module and all that it imports, directly or not, each once."""
    found: dict[str, None] = {}

    def follow(name: str) -> None:
        found.setdefault(name)
        for imported in _imports()[name]:
            if imported not in found:
                follow(imported)

    follow(script)
    return tuple(found)


@cache
def preloads(script: str) -> str:
    """Return the links of a document that let its browser ask for all of a page's scripts at once.

    After all else: what is first to be seen needs the style sheets, and the page itself Dash's scripts.
    """
    modules = dict.fromkeys((*modules_of(script), *modules_of(BESIDE)))
    links = [
        f'<link rel="modulepreload" fetchpriority="low" href="/assets/js/{name}.js">' for name in modules
    ]
    if FLEET in _imports()[script]:  # else it is asked for when somebody opens a form
        links.append('<link rel="preload" as="fetch" crossorigin href="/api/fleet">')
    return "\n".join(links)
