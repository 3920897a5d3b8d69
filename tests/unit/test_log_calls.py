"""Every log call of the product has one form, and says an event and fields of the catalogue."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.service.log_events import LIBRARY, LOG_EVENTS, LOG_FIELDS
from eduops.log_lines import parse_template
from tests.source_tree import source_tree

ROOT = Path(__file__).parents[2]
TEXTS = {
    str(path.relative_to(ROOT)): text
    for package in sorted(ROOT.glob("*/__init__.py"))
    if package.parent.name != "tests"
    for path in sorted(package.parent.rglob("*.py"))
    for text in [path.read_text(encoding="utf-8")]
    if "logg" in text
}
FIELDS = {event.name: event.fields for event in LOG_EVENTS}
IDIOM = "_logger: Final = logging.getLogger(__name__)"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
OWN_WORDS = {"time", "level", "service", "logger", "event", "message", "exception", "stack"}


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, int]]:
    """Yield every call of a module's logger and the place of its template among the arguments."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("_logger"), level)):
                assert level in LEVELS | {"log"}, ast.unparse(node)
                yield node, int(level == "log")


@pytest.mark.parametrize("path", TEXTS)
def test_a_module_has_one_logger_by_one_name(path: str) -> None:
    tree = source_tree(ROOT / path)
    lines = [ast.unparse(node) for node in tree.body]
    assert lines.count(IDIOM) <= 1
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "logging"
        match node:
            case ast.Attribute(ast.Name("logging"), name):
                assert name not in LEVELS | {"log"}, ast.unparse(node)
                # The one other logger is the root, where the form of all lines is set.
                assert name != "getLogger" or IDIOM in lines, ast.unparse(node)
    assignments = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    assert {line for line in assignments if "getLogger" in line} <= {IDIOM}
    assert IDIOM in lines or not any(calls(tree))


@pytest.mark.parametrize("path", [path for path, text in TEXTS.items() if "_logger." in text])
def test_a_call_says_an_event_of_the_catalogue(path: str) -> None:
    for call, at in calls(source_tree(ROOT / path)):
        shown = ast.unparse(call)
        text = call.args[at]
        assert isinstance(text, ast.Constant), f"no literal: {shown}"
        template = parse_template(str(text.value))
        assert template is not None, f"not 'event=… key=%s …: sentence': {shown}"
        assert FIELDS.get(template.event) == template.fields, shown
        assert {keyword.arg for keyword in call.keywords} <= {"exc_info"}, shown
        if not any(isinstance(argument, ast.Starred) for argument in call.args):
            assert str(text.value).count("%") == len(call.args) - at - 1, shown


def test_every_event_and_every_field_is_said_somewhere() -> None:
    texts = [str(call.args[at].value) for path in TEXTS for call, at in calls(source_tree(ROOT / path))]  # type: ignore[attr-defined]
    said = {template.event for template in map(parse_template, texts) if template}
    assert said | {LIBRARY} == set(FIELDS)
    assert {field for fields in FIELDS.values() for field in fields} == set(LOG_FIELDS)


def test_the_catalogue_is_sorted_and_hides_no_word_of_the_line() -> None:
    names = [event.name for event in LOG_EVENTS]
    assert names == sorted(set(names))
    assert list(LOG_FIELDS) == sorted(LOG_FIELDS)
    assert not OWN_WORDS & set(LOG_FIELDS)
