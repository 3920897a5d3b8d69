"""What changed in an operator's file is said by the names of its parts, never by their values."""

from pathlib import Path

import pytest

from config.parts import MOST_SAID, changes_between, parts_of
from config.watched import find_file

BEFORE = """
timezone = "Asia/Ho_Chi_Minh"
[[rule]]
name = "wan_down"
priority = 1
weekdays = [1, 2]
[[rule]]
name = "loss_high"
high = 3.0
[[contact]]
url = "https://gate.example/secret-token"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("priority = 1", "priority = 2", "changed rule.wan_down.priority"),
        ("[1, 2]", "[1, 3]", "changed rule.wan_down.weekdays"),
        ("secret-token", "other-token", "changed contact.#1.url"),
        ("high = 3.0", "high = 3.0\nlow = 1.0", "added rule.loss_high.low"),
        ("loss_high", "loss", "added rule.loss, removed rule.loss_high"),
        ('timezone = "Asia/Ho_Chi_Minh"', "# a comment", "removed timezone"),
        ("priority = 1", "priority  =  1  # as it was", ""),
    ],
)
def test_what_changed_is_named(old: str, new: str, said: str) -> None:
    assert changes_between(parts_of(BEFORE), parts_of(BEFORE.replace(old, new))) == said


def test_parts_hold_no_value() -> None:
    assert "secret" not in repr(parts_of(BEFORE))


def test_neighbours_of_one_name_are_told_apart() -> None:
    twice = "[[term]]\nfirst = 2026-09-05\nlast = 1\n[[term]]\nfirst = 2026-09-05\nlast = 2\n"
    changed = changes_between(parts_of(twice), parts_of(twice.replace("last = 2", "last = 3")))
    assert changed == "changed term.2026-09-05#2.last"


def test_many_changes_are_counted() -> None:
    after = parts_of("\n".join(f"a_part_with_a_long_name_{n} = 1" for n in range(100)))
    said = changes_between({}, after)
    named, _, rest = said.rpartition(", ")
    assert len(named) <= MOST_SAID
    assert rest == f"and {100 - len(named.split(', '))} more"


def test_what_is_no_toml_has_no_parts() -> None:
    assert parts_of("ward_code,name\n1,A\n") == {}


def test_the_mark_that_windows_puts_before_a_file_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(BEFORE, encoding="utf-8-sig")
    assert parts_of(find_file(tmp_path, "rules.toml").text) == parts_of(BEFORE)
