"""One word for one thing: no two classes of the product share a public name."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.source_tree import source_tree

ROOT = Path(__file__).parents[2]


def test_a_public_class_name_stands_for_one_class() -> None:
    places = defaultdict(list)
    for package in sorted(ROOT.glob("*/__init__.py")):
        for path in sorted(package.parent.rglob("*.py")) if package.parent.name != "tests" else ():
            for node in ast.walk(source_tree(path)):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
