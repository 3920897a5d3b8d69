"""How many schools an incident reached over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.incidents.reach import MOST_STEPS, reach_over_time
from contract.incident import SchoolSpan

SPANS = st.lists(
    st.builds(
        lambda school, from_us, lasts_us: SchoolSpan(
            school, from_us, None if lasts_us is None else from_us + lasts_us
        ),
        st.integers(1, 6),
        st.integers(0, 100),
        st.none() | st.integers(1, 60),
    ),
    max_size=12,
)


def open_at(spans: list[SchoolSpan], at_us: int) -> int:
    return len(
        {s.school_id for s in spans if s.from_us <= at_us and (s.until_us is None or at_us < s.until_us)}
    )


@given(SPANS)
def test_at_every_step_so_many_schools_are_open(spans: list[SchoolSpan]) -> None:
    steps = reach_over_time(spans, 200)
    assert [step.at_us for step in steps] == sorted({step.at_us for step in steps})
    for step in steps:
        assert step.schools == open_at(spans, step.at_us)
    changes = {us for s in spans for us in (s.from_us, s.until_us) if us is not None}
    told = {step.at_us for step in steps}
    for at_us in changes - told:
        assert open_at(spans, at_us) == open_at(spans, at_us - 1)


@pytest.mark.parametrize("schools", [MOST_STEPS // 2, 3_000])
def test_many_steps_are_fewer_and_the_peak_is_kept(schools: int) -> None:
    spans = [SchoolSpan(n, n * 1_000, 10_000_000 + n * 1_000) for n in range(1, schools + 1)]
    steps = reach_over_time(spans, 20_000_000)
    assert len(steps) <= MOST_STEPS
    assert max(step.schools for step in steps) == schools
    assert steps[-1].schools == 0


def test_of_nothing_there_is_nothing() -> None:
    assert reach_over_time([], 5) == []
