"""The size of a change is told in deviations of the series that it changes."""

from importlib.resources import files

from device_simulator.world.fleet import generate_fleet
from device_simulator.world.scenarios import draw_scenario
from device_simulator.world.severity import Severity
from evaluation.scenarios.curve import by_kind_and_step
from evaluation.scenarios.matching import Duty, Finding, Truth
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


def test_a_kind_is_told_by_the_size_of_its_change() -> None:
    def finding(
        kind: str, size_sd: float | None, found_us: int | None = None, duty: Duty = Duty.FIND
    ) -> Finding:
        return Finding(Truth(kind, "", frozenset({1}), 0, 9, duty, 1, size_sd=size_sd), (), found_us)

    told = by_kind_and_step(
        [
            finding("drop", 8.0, 5),
            finding("drop", 7.9),
            finding("drop", 4.0, 5),
            finding("drop", 0.0),
            finding("cut", None, 5),
            finding("holiday", None, duty=Duty.QUIET),
        ]
    )
    assert {group: (of.found, of.events) for group, of in told.items()} == {
        ("cut", ""): (1, 1),
        ("drop", "below 2"): (0, 1),
        ("drop", "4 to 8"): (1, 2),
        ("drop", "8 and more"): (1, 1),
    }
    assert list(told) == [("cut", ""), ("drop", "below 2"), ("drop", "4 to 8"), ("drop", "8 and more")]
