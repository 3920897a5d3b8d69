"""What ARCHITECTURE.md says of the code is so: rooms, imports, laws, stops and sizes."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.source_tree import source_tree

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
CONTRACTS = {c["type"]: c for c in PROJECT["importlinter"]["contracts"]}

HOUSE = sorted(init.parent.name for init in ROOT.glob("*/__init__.py"))
ROOMS = {
    init.parent.relative_to(ROOT).as_posix(): ast.get_docstring(source_tree(init)) or ""
    for package in HOUSE
    for init in sorted((ROOT / package).rglob("__init__.py"))
}

BROKERS = {"nats", "paho"}
DRIVERS = {"psycopg", "psycopg_pool"}
OTHER_BROKERS = {"eduops/bench/"}
"""Who but `bus/` may import a broker's client; each stands in ARCHITECTURE.md by name."""
OTHER_SQL = {"eduops/bench/", "eduops/machine/servers/embedded_postgres.py"}
"""Where but in `storage/` SQL may stand; each stands in ARCHITECTURE.md by name."""
MOST_FILES = 20
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
"""With its docstring, without its decorators."""

SQL = re.compile(
    r"\s*(select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|truncate\s|vacuum\b"
    r"|(create|alter|drop)\s+(table|database|index|view|role|schema|extension|function)\b"
    r"|copy\s.+\s(from|to)\s|with\s+\w+\s+as\s*\()",
    re.IGNORECASE | re.DOTALL,
)


def section(title: str) -> str:
    """Return what stands below a heading of ARCHITECTURE.md."""
    return TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def lies_in(path: str, places: set[str]) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the root of each imported module and the name by which the file knows it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], alias.asname or alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.module.split(".")[0], alias.asname or alias.name


def strings(tree: ast.Module) -> Iterator[str]:
    """Yield the constant strings that are no docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def reads_environment(tree: ast.Module) -> bool:
    words = {"environ", "environb", "getenv", "getenvb"}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = dict(imported(tree))
    return bool(words & attributes) or "pydantic_settings" in names or bool(words & set(names.values()))


def calls(tree: ast.Module, names: set[str]) -> set[str]:
    """Return which of the names the file calls, themselves or by an attribute."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            if isinstance(called, ast.Name) and called.id in names:
                found.add(called.id)
    return found


@cache
def parsed() -> dict[str, ast.Module]:
    """Return every file of the house: read by the worker that asks, not by all that collect."""
    return {
        file.relative_to(ROOT).as_posix(): source_tree(file)
        for package in HOUSE
        for file in sorted((ROOT / package).rglob("*.py"))
    }


def users_of(modules: set[str]) -> set[str]:
    return {path for path, tree in parsed().items() if modules & {root for root, _ in imported(tree)}}


def outside(found: set[str], home: str, others: set[str]) -> set[str]:
    """Return what lies neither at home nor elsewhere by name; every other place is there for a reason."""
    idle = {other for other in others if not any(lies_in(path, {other}) for path in found)}
    assert not idle, "an exception that nobody needs"
    return {path for path in found if not lies_in(path, {home} | others)}


def test_brokers_clients_are_imported_by_the_bus_alone() -> None:
    assert outside(users_of(BROKERS), "bus/", OTHER_BROKERS) == set()


def test_prometheus_is_known_to_the_exporter_alone() -> None:
    assert users_of({"prometheus_client"}) == {"eduops/exporter.py"}


def test_sql_stands_in_storage_alone() -> None:
    found = {path for path, tree in parsed().items() if any(SQL.match(text) for text in strings(tree))}
    files = {
        path.relative_to(ROOT).as_posix() for package in HOUSE for path in (ROOT / package).rglob("*.sql")
    }
    assert outside(found | files, "storage/", OTHER_SQL) == set()


def test_elsewhere_the_driver_gives_types_and_exceptions_only() -> None:
    for path in users_of(DRIVERS):
        if not lies_in(path, {"storage/"} | OTHER_SQL):
            names = {name for root, name in imported(parsed()[path]) if root in DRIVERS}
            assert calls(parsed()[path], names) == set(), path


def test_the_environment_is_read_by_the_settings_alone() -> None:
    found = {path for path, tree in parsed().items() if reads_environment(tree)}
    assert outside(found, "eduops/settings.py", set()) == set()


def test_no_child_process_inherits_the_environment() -> None:
    starts = {"Popen", "run", "create_subprocess_exec", "ProcessSpec"}
    found: dict[str, list[bool]] = {}
    for path, tree in parsed().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and not lies_in(path, {"eduops/bench/"}):
                name = ast.unparse(node.func)
                of_module = (
                    name.startswith(("subprocess.", "asyncio.create_subprocess")) or name == "ProcessSpec"
                )
                if of_module and name.split(".")[-1] in starts:
                    found.setdefault(path, []).append(any(word.arg == "env" for word in node.keywords))
    assert "eduops/machine/process.py" in found
    assert {path for path, said in found.items() if not all(said)} == set()


@pytest.mark.parametrize("place", sorted(OTHER_BROKERS | OTHER_SQL))
def test_an_exception_is_said(place: str) -> None:
    assert f"`{place}`" in TEXT


def is_pure(room: str) -> bool:
    """Return whether the import contract holds for a room."""
    forbidden = CONTRACTS["forbidden"]
    name = room.replace("/", ".")
    ignored = {line.split(" ->")[0].removesuffix(".*") for line in forbidden["ignore_imports"]}
    parents = {name, *(name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1))}
    return bool(parents & set(forbidden["source_modules"])) and not parents & ignored


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_the_import_contract_knows(room: str) -> None:
    words = re.findall(r"\b(Pure|Shell)\b", ROOMS[room])
    assert words == ["Pure" if is_pure(room) else "Shell"]


def test_what_is_let_out_of_a_pure_room_is_said_by_it() -> None:
    for line in CONTRACTS["forbidden"]["ignore_imports"]:
        room, name = line.split(" ->")[0].removesuffix(".*").rsplit(".", 1)
        assert f"Pure, but for `{name}`" in ROOMS[room.replace(".", "/")], line


def test_every_law_names_its_tests() -> None:
    laws = re.findall(r"^(\d+)\. (.+)$", section("Laws"), re.MULTILINE)
    assert [int(number) for number, _ in laws] == list(range(1, len(laws) + 1))
    assert len(laws) >= 10
    for number, law in laws:
        named = re.findall(r"`(\w+/test_\w+\.py)`", law)
        assert named, f"law {number} names no test"
        assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []


def test_the_stops_are_there_and_the_same_in_the_readme() -> None:
    stops = re.findall(r"^\d\. `([^`]+)`", section("One reading, from wire to wall"), re.MULTILINE)
    told = README.split("## One reading, nine stops\n", 1)[1].split("\n## ", 1)[0]
    assert len(stops) == 9
    assert re.findall(r"`([^`]+)`", told.strip().split("\n\n")[0]) == stops
    assert [stop for stop in stops if not (ROOT / stop).is_file()] == []


def test_the_folder_table_is_the_tree() -> None:
    table: set[str] = set()
    for row in re.findall(r"^\| `(\w+/)` \|(.+)\|$", section("Folders"), re.MULTILINE):
        table |= {row[0], *(row[0] + room for room in re.findall(r"`((?:\w+/)+)`", row[1]))}
    tests = {path.parent for path in (ROOT / "tests").glob("*/test_*.py")}
    tree = {f"{room}/" for room in ROOMS} | {f"tests/{folder.name}/" for folder in tests} | {"tests/"}
    assert table == tree


def test_the_layers_are_those_of_the_import_contract() -> None:
    layers = [set(re.findall(r"\w+", layer)) for layer in CONTRACTS["layers"]["layers"]]
    drawn = section("Folders").split("```")[1].strip().splitlines()
    assert [set(re.findall(r"\w+", line)) for line in drawn] == layers
    assert sorted(set.union(*layers)) == HOUSE == sorted(PROJECT["importlinter"]["root_packages"])


@pytest.mark.parametrize("room", ROOMS)
def test_a_folder_has_room(room: str) -> None:
    assert len([*(ROOT / room).glob("*.py")]) <= MOST_FILES


def test_every_function_can_be_read_in_one_sitting() -> None:
    written = parsed() | {
        file.relative_to(ROOT).as_posix(): source_tree(file) for file in (ROOT / "tests").rglob("*.py")
    }
    long = {
        f"{path}::{node.name}": lines
        for path, tree in written.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_every_file_can_be_read_in_one_sitting() -> None:
    long = {
        file.relative_to(ROOT).as_posix(): lines
        for package in HOUSE
        for file in (ROOT / package).rglob("*")
        if file.suffix in {".py", ".sql", ".js", ".css"}
        and (lines := file.read_text(encoding="utf-8").count("\n")) > MOST_LINES
    }
    assert long == {}


def test_decisions_are_numbered_without_gaps() -> None:
    folder = ROOT / "docs" / "decisions"
    kept = [int(file.name[:4]) for file in folder.glob("[0-9]*.md")]
    said = re.findall(r"^- (\d{4}): ", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(kept + [int(number) for number in said]) == list(range(1, max(kept) + 1))
