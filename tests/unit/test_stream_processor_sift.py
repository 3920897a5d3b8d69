"""Rounds of distinct series, and numbers that are counted where they lie close together."""

from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from contract.reading import MOST_COUNTED, distinct
from stream_processor.fold.arrival.sift import are_apart, occurrence

SLOTS = st.lists(st.integers(-1, 12), max_size=20)


@given(SLOTS)
@example([])
@example([0, 0])
def test_each_reading_is_folded_in_the_round_of_its_turn(slots: list[int]) -> None:
    seen: Counter[int] = Counter()
    for slot, turn in zip(slots, occurrence(np.array(slots, np.intp)).tolist(), strict=True):
        assert turn == seen[slot]
        seen[slot] += 1


@given(SLOTS)
def test_slots_are_apart_if_all_are_known_and_no_two_the_same(slots: list[int]) -> None:
    assert are_apart(np.array(slots, np.intp)) == (len({*slots}) == len(slots) and -1 not in slots)


@given(st.lists(st.integers(-(2**62), 2**62) | st.integers(10**9, 10**9 + MOST_COUNTED), max_size=30))
@example([0, MOST_COUNTED + 3])
@example([0, MOST_COUNTED + 2])
def test_distinct_numbers_are_found_by_counting_as_by_sorting(numbers: list[int]) -> None:
    key = np.array(numbers, np.int64)
    for found, expected in zip(distinct(key), np.unique(key, return_inverse=True), strict=True):
        np.testing.assert_array_equal(found, expected)
