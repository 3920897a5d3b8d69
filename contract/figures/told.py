"""Of which schools a group's sums of people are made, so that none tells of a single school.

A sum leaves out the schools whose own figures are not told, unless those hide themselves among each other.
Groups that are compared side by side add up to one that is told as well: so what several groups leave out
must hide itself too, and as long as it would not, the smallest of the others leaves its own out as well.

Source: complementary suppression, Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4;
`contract.privacy`.
"""

from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Metric
from contract.live import Hidden
from contract.privacy import Counts, add_hidden, hidden_in, hidden_range, may_be_summed


def left_out(
    people: Mapping[str, tuple[Metric, Counts]], pupils: Counts, group: NDArray[np.intp], groups: int
) -> NDArray[np.bool_]:
    """Return which schools the sums of their groups leave out, shape (n,).

    Args:
        people: whom each metric counts in each school, shape (n,), by any name.
        pupils: of these schools, shape (n,).
        group: place of each school's group, 0 to groups - 1, shape (n,).
        groups: how many groups stand side by side.
    """
    hides = np.zeros(len(pupils), bool)
    for metric, counts in people.values():
        least, most = hidden_range(counts, pupils, metric)
        hides |= most > least
    hidden = [
        [hidden_in(counts[group == g], pupils[group == g], metric) for g in range(groups)]
        for metric, counts in people.values()
    ]
    whole = np.array([all(may_be_summed(of[g]) for of in hidden) for g in range(groups)], bool)
    size = np.bincount(group, pupils, minlength=groups)
    while not whole.all() and whole.any():
        unions = [reduce(add_hidden, (of[g] for g in np.flatnonzero(~whole)), Hidden()) for of in hidden]
        if all(may_be_summed(union) for union in unions):
            break
        whole[np.flatnonzero(whole)[np.argmin(size[whole])]] = False
    found: NDArray[np.bool_] = hides & ~whole[group]
    return found
