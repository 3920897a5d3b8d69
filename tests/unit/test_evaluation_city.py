"""The simulated city is as messy as recorded data, and the calm one is as calm as ever."""

from pathlib import Path

import numpy as np
import pytest

from anomaly.absence import DEVIATION
from contract.calendar import SchoolCalendar
from device_simulator.world.city import World
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.severity import Severity
from evaluation.city.figures import RECORDED, TAIL, attendance
from evaluation.city.recorded import recorded
from evaluation.city.report import render
from evaluation.city.simulated import of_registers, simulated

FOLDER = Path(__file__).parents[3] / "shared/data"
SCHOOLS = 80


def world(severity: Severity, calendar: SchoolCalendar) -> World:
    return World(generate_fleet(SCHOOLS, seed=1), calendar, 1, severity)


def test_a_real_city_is_as_messy_as_recorded_data(calendar: SchoolCalendar) -> None:
    figures = simulated(Severity.REAL, calendar, SCHOOLS, seed=1)
    assert figures.keys() == RECORDED.keys()
    for name, told in RECORDED.items():
        assert told.least <= figures[name] <= told.most, (name, figures[name], told)
    table = render({"real": figures}, {}, as_json=False)
    assert all(name in table for name in RECORDED)
    assert "no folder of recorded data" in table


def test_the_tail_is_told_less_what_the_city_shares_and_at_every_usual_absence() -> None:
    usual = np.tile([0.02, 0.05, 0.1, 0.2], 25) ** 0.25
    root = np.tile(usual, (40, 1))
    root[7] += 9 * DEVIATION  # a day on which all stay away
    root[3, 0] += 6 * DEVIATION
    root[5, 3] += 8 * DEVIATION
    root[9, 1] = np.nan
    figures = attendance(1.0 - root**4)
    told = [figures[f"attendance: days beyond {z} deviations of the root"] for z in TAIL]
    assert told == pytest.approx([2 / 3999, 1 / 3999])


def test_a_calm_city_is_calmer_than_any_real_one_in_every_register_figure(
    calendar: SchoolCalendar,
) -> None:
    for name, figure in of_registers(world(Severity.CALM, calendar), calendar).items():
        assert figure < RECORDED[name].least, name


def test_a_bad_month_loses_more_registers_than_a_real_city(calendar: SchoolCalendar) -> None:
    name = "attendance: registers not submitted"
    assert of_registers(world(Severity.STORM, calendar), calendar)[name] > 1.2 * RECORDED[name].value


@pytest.mark.skipif(not FOLDER.exists(), reason="the folder of recorded data is not beside the project")
def test_what_is_kept_of_recorded_data_is_what_the_files_say() -> None:
    figures = recorded(FOLDER)
    assert figures.keys() == RECORDED.keys()
    for name, told in RECORDED.items():
        assert figures[name] == pytest.approx(told.value, rel=0.02), name
