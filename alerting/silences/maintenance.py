"""Which quarter hours of a school were under approved maintenance: they count neither as up nor as lost."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from alerting.silences.labels import school_labels
from alerting.silences.matching import OF_SCHOOL, holds
from alerting.silences.recurrence import windows_of
from contract.calendar import SchoolCalendar
from contract.fleet import DeviceKind, Fleet, School
from contract.routing.silence import Silence, SilenceKind

LINE_LABELS = {"system": (DeviceKind.GATEWAY.value,)}
"""What the line of a school is called beside the labels of the school."""


def maintenance_quarters(
    silences: Iterable[Silence],
    schools: Sequence[School],
    fleet: Fleet,
    calendar: SchoolCalendar,
    middles_us: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which quarter hours of each school were under maintenance, shape (schools, quarters).

    Args:
        silences: any; those that are no maintenance, or of more than the line of schools, count nothing.
        schools: in the order of the answer.
        fleet: has the labels of the schools.
        calendar: of the silences that recur.
        middles_us: middle of each quarter hour, µs since 1970, shape (quarters,).
    """
    found = np.zeros((len(schools), len(middles_us)), bool)
    for silence in silences:
        if silence.kind is not SilenceKind.MAINTENANCE:
            continue
        when = np.zeros(len(middles_us), bool)
        for window in windows_of(silence, calendar):
            when |= (middles_us >= window.from_us) & (middles_us < min(window.until_us, silence.end_us))
        if when.any() and all(m.name in OF_SCHOOL or m.name in LINE_LABELS for m in silence.matchers):
            labels = [{**LINE_LABELS, **school_labels(school.id, fleet)} for school in schools]
            who = [all(holds(m, own.get(m.name, ())) for m in silence.matchers) for own in labels]
            found |= np.array(who, bool)[:, None] & when
    return found
