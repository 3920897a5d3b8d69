"""Days of a simulated city: what nobody announced is proposed for the calendar, an outage is not."""

from datetime import date, time, timedelta

import numpy as np
import pytest

from anomaly.special_days import propose_days
from config.files import read_config
from contract.calendar import parse_calendar
from contract.special_days.history import Measure, history_of
from contract.special_days.special_day import DayKind, DayPlace, PlaceKind
from contract.topic import Stream
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.severity import Severity

SCHOOLS, SEED, FIRST = 150, 5, date(2026, 10, 5)
DAYS = [FIRST + timedelta(n) for n in range(24)]
CLOSED, HALF, OUTAGE = DAYS[15], DAYS[22], DAYS[8]
"""A Tuesday and the day after it, a Tuesday, a Tuesday."""
SEEN_AT = ((time(8, 20), time(9, 0), time(9, 40)), (time(14, 0), time(14, 20), time(15, 0)))
TOLD = {
    "register": (Stream.ATTENDANCE, "attendance_ratio"),
    "traffic": (Stream.BANDWIDTH, "down_bps"),
    "learners": (Stream.ELEARNING, "active_users"),
}
FLEET, TEXT = generate_fleet(SCHOOLS, seed=SEED), read_config(None, "calendar.toml")
KNOWN = parse_calendar(TEXT)
CLUSTER = DayPlace(PlaceKind.CLUSTER, FLEET.clusters[1].code)


@pytest.fixture(scope="module")
def measures() -> dict[str, Measure]:
    """What the schools of a messy city measured, a cluster closed for two days and half a day for all."""
    clusters = {ward.code: ward.cluster_code for ward in FLEET.wards}
    closed = [s.code for s in FLEET.schools if clusters[s.ward_code] == CLUSTER.code]
    span = f'first = {CLOSED}\nlast = {CLOSED + timedelta(1)}\nname = "x"\n'
    lived = TEXT + "".join(f'\n[[closure."{code}"]]\n{span}' for code in closed)
    lived += f'\n[[half_day]]\nfirst = {HALF}\nlast = {HALF}\nname = "x"\n'
    world, everybody = World(FLEET, parse_calendar(lived), SEED, Severity.REAL), np.arange(SCHOOLS)
    found = {}
    for measure, (stream, name) in TOLD.items():
        parts = np.array(
            [
                [
                    [
                        world.measure(stream, KNOWN.moment_us(day, at), everybody).values[name]
                        for at in seen_at
                    ]
                    for seen_at in SEEN_AT
                ]
                for day in DAYS
            ]
        )
        count = np.isfinite(parts).sum(axis=2)
        total = np.where(np.isfinite(parts), parts, 0.0).sum(axis=2)
        found[measure] = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return found


def test_what_nobody_announced_is_proposed(measures: dict[str, Measure]) -> None:
    found = {
        (p.kind, p.place, p.first, p.last)
        for p in propose_days(history_of(FLEET, KNOWN, DAYS, measures, (), ()))
    }
    city = DayPlace(PlaceKind.CITY)
    planted = {
        (DayKind.CLOSURE, CLUSTER, CLOSED, CLOSED + timedelta(1)),
        (DayKind.HALF_DAY, city, HALF, HALF),
    }
    assert planted <= found
    # Days on which the whole simulated city stays away are the only others.
    assert all((kind, place) == (DayKind.EVENT, city) for kind, place, *_ in found - planted)


@pytest.mark.parametrize("registers_come", [True, False])
def test_an_outage_of_a_provider_is_not(measures: dict[str, Measure], registers_come: bool) -> None:
    isp = FLEET.schools[0].isp
    columns = [i for i, school in enumerate(FLEET.schools) if school.isp == isp]
    cut = {name: values.copy() for name, values in measures.items()}
    at = np.ix_(np.array([DAYS.index(OUTAGE)]), np.arange(2), np.array(columns, np.intp))
    for name in ("traffic", "learners") if registers_come else tuple(cut):
        cut[name][at] = np.nan
    found = propose_days(history_of(FLEET, KNOWN, DAYS, cut, (), ()))
    assert found
    assert not any(p.first <= OUTAGE <= p.last for p in found)
