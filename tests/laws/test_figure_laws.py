"""Laws of leadership's figures: sums add up, seals break where they are touched, nobody is told apart."""

from collections.abc import Callable
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.catalogue import Catalogue
from contract.figures.lines import QuarterGrid, online_quarters
from contract.figures.seals import Broken, last_seal, sealed, unsealed
from contract.figures.sums import COLUMNS, FigureSums, add_sums
from contract.figures.told import told_groups
from contract.live import Hidden
from contract.privacy import add_hidden, hidden_in, may_be_summed

lines = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20), max_size=6)
sums = st.builds(FigureSums, *(st.integers(0, 1000).map(float) for _ in COLUMNS))


@given(parts=st.lists(sums, max_size=5), cut=st.integers(0, 5))
def test_sums_may_be_added_in_any_order(parts: list[FigureSums], cut: int) -> None:
    whole = add_sums(parts)
    assert add_sums([add_sums(parts[:cut]), add_sums(parts[cut:])]) == whole
    assert add_sums(reversed(parts)) == whole


@given(lines)
def test_a_sealed_table_is_read_back(said: list[str]) -> None:
    table = sealed(said)
    assert unsealed(table) == said
    assert len(last_seal(table)) == 64


@given(said=lines, at=st.integers(0, 6), how=st.sampled_from(["change", "drop", "repeat", "swap", "add"]))
def test_a_table_that_was_touched_is_not(said: list[str], at: int, how: str) -> None:
    table = sealed(said)
    at %= len(table)
    touched: dict[str, Callable[[], list[str]]] = {
        "change": lambda: [*table[:at], "x" + table[at], *table[at + 1 :]],
        "drop": lambda: [*table[:at], *table[at + 1 :]],
        "repeat": lambda: [*table[:at], table[at], *table[at:]],
        "swap": lambda: [*table[:at], *reversed(table[at : at + 2]), *table[at + 2 :]],
        "add": lambda: [*table[: at + 1], *sealed(["new"])[:1], *table[at + 1 :]],
    }
    other = touched[how]()
    assert isinstance(unsealed(other), Broken) or other == table


@given(data=st.data(), schools=st.integers(1, 25), groups=st.integers(1, 6))
def test_what_is_left_out_hides_itself_among_several(
    data: st.DataObject, schools: int, groups: int, catalogue: Catalogue
) -> None:
    metric = catalogue.named(data.draw(st.sampled_from(["present", "active_users"])))
    pupils = np.array(data.draw(st.lists(st.integers(1, 900), min_size=schools, max_size=schools)))
    share = data.draw(st.lists(st.floats(0, 1), min_size=schools, max_size=schools))
    people = np.rint(pupils * np.array(share)).astype(np.int64)
    group = np.array(data.draw(st.lists(st.integers(0, groups - 1), min_size=schools, max_size=schools)))
    told = told_groups(people, pupils, group, groups, metric)
    hidden = [hidden_in(people[group == g], pupils[group == g], metric) for g in range(groups)]
    assert all(may_be_summed(h) for h, is_told in zip(hidden, told, strict=True) if is_told)
    left_out = reduce(add_hidden, (h for h, t in zip(hidden, told, strict=True) if not t), Hidden())
    assert told.all() or may_be_summed(left_out) or not told.any()


def grid(n: list[int], ones: list[int]) -> QuarterGrid:
    """Return one school's quarter hours: how many readings, and how many of them say online."""
    count, up = np.array([n], float), np.array([ones], float)
    low = np.where((count > 0) & (up == count), 1.0, 0.0)
    return QuarterGrid(count, up, low, np.where(up > 0, 1.0, 0.0))


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12),
    st.booleans(),
)
def test_a_quarter_hour_is_never_longer_than_it_is(said: list[tuple[int, int]], was_down: bool) -> None:
    n, ones = [a for a, _ in said], [min(a, b) for a, b in said]
    up, down = online_quarters(grid(n, ones), np.array([was_down]))
    assert ((up >= 0) & (down >= 0) & (up + down <= 15 + 1e-9)).all()
    heard = np.array([n]) > 0
    assert (up[~heard] == 0).all()
    assert np.isclose((up + down)[heard], 15).all()


@pytest.mark.parametrize(("before", "lost"), [(True, [15, 15, 0, 5, 15]), (False, [0, 0, 0, 5, 15])])
def test_offline_goes_on_until_something_is_heard(before: bool, lost: list[float]) -> None:
    """Silent twice, online, ten minutes online and then the last will, silent again."""
    _, down = online_quarters(grid([0, 0, 15, 11, 0], [0, 0, 15, 10, 0]), np.array([before]))
    assert down.tolist() == [lost]
