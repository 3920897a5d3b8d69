"""Which groups' sums of people are told: none from which a single school's would follow.

Groups that are compared side by side add up to one that is told as well. So what the untold ones have
together must tell nothing either: as long as it would, the smallest of the others is not told as well.

Source: complementary suppression, Hundepool et al., Statistical Disclosure Control, Wiley 2012, chapter 4;
`contract.privacy`.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Metric
from contract.live import Hidden
from contract.privacy import Counts, add_hidden, hidden_in, may_be_summed


def told_groups(
    people: Counts, pupils: Counts, group: NDArray[np.intp], groups: int, metric: Metric
) -> NDArray[np.bool_]:
    """Return which groups' sums are told, shape (groups,).

    Args:
        people: whom the metric counts in each school, shape (n,).
        pupils: of these schools, shape (n,).
        group: place of each school's group, 0 to groups - 1, shape (n,).
        groups: how many groups stand side by side.
        metric: says what is published of a single school.
    """
    hidden = [hidden_in(people[group == g], pupils[group == g], metric) for g in range(groups)]
    told = np.array([may_be_summed(h) for h in hidden], bool)
    size = np.bincount(group, pupils, minlength=groups)
    while not told.all() and told.any():
        untold = reduce(
            add_hidden, (h for h, is_told in zip(hidden, told, strict=True) if not is_told), Hidden()
        )
        if may_be_summed(untold):
            break
        told[np.flatnonzero(told)[np.argmin(size[told])]] = False
    return told
