"""Python files as trees, each read once a worker."""

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def source_tree(path: Path) -> ast.Module:
    """Return the tree of a file.

    Without the collector: what it ends may format an error, which parses as well, and CPython before 3.11.5
    cannot do one within the other (github.com/python/cpython/issues/106905).
    """
    text = path.read_text(encoding="utf-8")
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()
