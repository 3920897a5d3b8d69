"""Laws of leadership's figures: sums add up, seals break where they are touched, nobody is told apart."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.catalogue import Catalogue, Metric
from contract.figures.lines import QuarterGrid, online_quarters
from contract.figures.seals import Broken, last_seal, sealed, unsealed
from contract.figures.sums import COLUMNS, FigureSums, add_sums
from contract.figures.told import left_out
from contract.privacy import Counts, hidden_in, hidden_range, may_be_summed

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
    """Whoever subtracts all that is told from the whole learns what may be told, or nothing."""
    names = data.draw(st.sampled_from([["present"], ["active_users", "active_week"]]))
    pupils = np.array(data.draw(st.lists(st.integers(1, 900), min_size=schools, max_size=schools)))
    people = {}
    for name in names:
        share = data.draw(st.lists(st.floats(0, 1), min_size=schools, max_size=schools))
        people[name] = catalogue.named(name), np.rint(pupils * np.array(share)).astype(np.int64)
    group = np.array(data.draw(st.lists(st.integers(0, groups - 1), min_size=schools, max_size=schools)))
    out = left_out(people, pupils, group, groups)
    for metric, counts in people.values():
        least, most = hidden_range(counts, pupils, metric)
        hides = most > least
        of_whole = hidden_in(counts, pupils, metric)
        for g in range(groups):
            inside = (group == g) & ~out
            assert may_be_summed(hidden_in(counts[inside], pupils[inside], metric))
        if may_be_summed(of_whole) and not out.all():
            rest = hidden_in(counts[out], pupils[out], metric)
            assert may_be_summed(rest) or (out == hides_in_any(people, pupils)).all() or not hides.any()


def hides_in_any(people: dict[str, tuple[Metric, Counts]], pupils: Counts) -> NDArray[np.bool_]:
    """Return the schools of which some own figure is not told."""
    ranges = [hidden_range(counts, pupils, metric) for metric, counts in people.values()]
    found: NDArray[np.bool_] = np.any([most > least for least, most in ranges], axis=0)
    return found


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
