"""The size of a change is told in deviations of the series that it changes."""

from importlib.resources import files

from device_simulator.world.fleet import generate_fleet
from device_simulator.world.scenarios import draw_scenario
from device_simulator.world.severity import Severity
from evaluation.scenarios.sizes import sizes_of

CALENDAR = (files("config") / "calendar.toml").read_text(encoding="utf-8")


def test_the_same_drop_is_large_in_a_calm_city_and_small_in_a_real_one() -> None:
    fleet = generate_fleet(60, seed=6)
    sizes: dict[Severity, float] = {}
    for severity in (Severity.CALM, Severity.REAL):
        scenario = draw_scenario(fleet, CALENDAR, seed=6, days=10, mild=True, severity=severity)
        told = dict(zip(scenario.labels, sizes_of(scenario, 6), strict=True))
        drops = [size for label, size in told.items() if label.kind == "attendance-drop" and size is not None]
        sizes[severity] = sorted(drops)[len(drops) // 2]
        assert all(size is None for label, size in told.items() if label.kind in {"link-cut", "half-day"})
    assert sizes[Severity.CALM] > 1.5 * sizes[Severity.REAL] > 0.5


def test_of_a_few_days_no_deviation_is_known() -> None:
    scenario = draw_scenario(generate_fleet(5, seed=6), CALENDAR, seed=6, days=2)
    assert set(sizes_of(scenario, 6)) == {None}
