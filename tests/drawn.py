"""Hypothesis strategies for the words of the contract, made from their own fields: a new one is drawn too."""

import types
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from contract.reading import Readings, Scored
from contract.series import MAX_DEVICE_ID, MAX_METRIC_ID

INT2: Final = 2**15 - 1
INT4: Final = 2**31 - 1
INT8: Final = 2**62
"""Sums of a few still fit 64 bits."""
DAY_US: Final = 86_400_000_000
RAW_DAY_US: Final = 1_795_003_200_000_000

WHOLE: Final = {
    "priority": (1, 3),
    "worst_priority": (1, 3),
    "partition": (0, INT2),
    "metric_id": (0, MAX_METRIC_ID),
}
"""Whole numbers that have a range of their own; the others are of 32 bits, and not below 0."""
LONG: Final = {
    "lost_pupil_s",
    "seq",
    "snapshot_seq",
    "received",
    "stored",
    "duplicate",
    "quarantined",
    "corrected",
}

times_us = st.integers(0, 250_000_000_000_000_000)
"""Any moment until the year 9892."""
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
"""PostgreSQL keeps every character but NUL, and every door refuses that one."""
finite = st.floats(allow_nan=False, allow_infinity=False)


def drawn(kind: Callable[..., Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values of a struct, dataclass or named tuple; every field by its type unless given."""
    hints = get_type_hints(kind)
    fields = {name: given[name] if name in given else _of(name, hint) for name, hint in hints.items()}
    return st.builds(kind, **fields)


def drawn_tuple(
    kind: Callable[..., Any], key: Callable[[Any], object], most: int = 5
) -> st.SearchStrategy[tuple[Any, ...]]:
    """Return up to `most` values of which no two have the same key."""
    return st.lists(drawn(kind), max_size=most, unique_by=key).map(tuple)


@st.composite
def drawn_rows(draw: st.DrawFn) -> Scored:
    """Draw readings of one day, no two of a series at one time, in any order."""
    keys = draw(
        st.lists(
            st.tuples(st.integers(1, MAX_DEVICE_ID << 8), st.integers(RAW_DAY_US, RAW_DAY_US + DAY_US - 1)),
            unique=True,
            max_size=8,
        )
    )
    column = partial(hnp.arrays, shape=len(keys))
    score = draw(column(np.float32, elements=st.one_of(st.floats(0, 1, width=32), st.just(float("nan")))))
    series, time_us = np.array(keys, np.int64).reshape(-1, 2).T
    return Scored(
        Readings(time_us, series.astype(np.int32), draw(column(np.float64, elements=finite))), score
    )


def _of(name: str, hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of(*(_of(name, part) for part in get_args(hint)))
    if hint is types.NoneType:
        return st.none()
    if hint is bool:
        return st.booleans()
    if hint is int and name.endswith("_us"):
        return times_us
    if hint is int:
        return st.integers(*WHOLE.get(name, (0, INT8 if name in LONG else INT4)))
    if hint is float:
        return finite
    if hint is str:
        return texts
    if hint is bytes:
        return st.binary(max_size=200)
    if get_origin(hint) is tuple and Ellipsis not in get_args(hint):
        return st.tuples(*(_of(name, part) for part in get_args(hint)))
    if get_origin(hint) is tuple:  # of any length, as in `tuple[str, ...]`
        return st.lists(_of(name, get_args(hint)[0]), max_size=4).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return drawn(hint)
