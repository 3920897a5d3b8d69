"""A code's number, and so its history and alerts, stay its own through any sequence of fleet files."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from config.fleet_csv import ListedSchool
from config.fleet_plan import Deeds, plan_import
from contract.fleet import DeviceKind, Fleet, Level
from device_simulator.areas import load_areas

AREAS = load_areas()
CODES = [f"{79010000 + n}" for n in range(8)] + ["abc"]
DEVICES = (
    ("gw-1", DeviceKind.GATEWAY),
    ("att-1", DeviceKind.ATTENDANCE),
    ("lms-1", DeviceKind.ELEARNING),
    ("gw-2", DeviceKind.GATEWAY),
)
EMPTY = Fleet("79", (), (), (), ())


def listed(code: str, devices: tuple[tuple[str, DeviceKind], ...], isp: str = "VNPT") -> ListedSchool:
    return ListedSchool(code, f"Trường {code}", Level.PRIMARY, "26740", 100, isp, 1e8, 1e8, devices)


schools = st.builds(
    listed,
    st.sampled_from(CODES),
    st.lists(st.sampled_from(DEVICES), unique=True, min_size=1).map(tuple),
    st.sampled_from(["VNPT", "vnpt", "FPT", " Viettel ", "VIETTEL"]),
)
files = st.lists(schools, unique_by=lambda s: s.code, min_size=1).map(tuple)


def numbers(fleet: Fleet) -> dict[str, int]:
    return {s.code: s.id for s in (*fleet.schools, *(f.school for f in fleet.former))}


@given(st.lists(files, min_size=1, max_size=6))
def test_a_number_is_given_once(sequence: list[tuple[ListedSchool, ...]]) -> None:
    fleet = EMPTY
    given: dict[str, int] = {}
    owner: dict[int, tuple[int, DeviceKind]] = {}
    for at_us, file in enumerate(sequence):
        fleet = plan_import(fleet, file, AREAS, at_us).fleet
        for code, number in numbers(fleet).items():
            assert given.setdefault(code, number) == number
        assert len(set(given.values())) == len(given)
        assert {s.code for s in fleet.schools} == {s.code for s in file}
        for device in (*fleet.devices, *fleet.former_devices):
            assert owner.setdefault(device.id, (device.school_id, device.kind)) == (
                device.school_id,
                device.kind,
            )
        assert set(owner) == {d.id for d in (*fleet.devices, *fleet.former_devices)}
        now = {s.id for s in fleet.schools}
        assert {d.school_id for d in fleet.devices} <= now
        assert not now & {f.school.id for f in fleet.former}


@given(files, st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(file: tuple[ListedSchool, ...], random: object) -> None:
    first = plan_import(EMPTY, file, AREAS, 0).fleet
    shuffled = list(file)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan_import(first, shuffled, AREAS, 1).is_empty


@given(files, files)
def test_what_leaves_and_comes_back_is_the_same(
    file: tuple[ListedSchool, ...], other: tuple[ListedSchool, ...]
) -> None:
    first = plan_import(EMPTY, file, AREAS, 0).fleet
    between = plan_import(first, other, AREAS, 1).fleet
    again = plan_import(between, file, AREAS, 2).fleet
    assert {s.code: s.id for s in again.schools} == {s.code: s.id for s in first.schools}
    path = {(d.school_id, d.code): d.id for d in first.devices}
    assert {(d.school_id, d.code): d.id for d in again.devices} == path


@given(files)
def test_case_of_a_code_means_nothing(file: tuple[ListedSchool, ...]) -> None:
    first = plan_import(EMPTY, file, AREAS, 0).fleet
    assert plan_import(first, [replace(s, code=s.code.upper()) for s in file], AREAS, 1).is_empty


def test_a_device_goes_on_or_begins_anew_as_the_operator_says() -> None:
    first = plan_import(EMPTY, [listed("abc", DEVICES[:1])], AREAS, 0).fleet
    renamed = [listed("abc", DEVICES[3:])]
    onward = plan_import(first, renamed, AREAS, 1, Deeds(replaced={("abc", "gw-1"): "gw-2"}))
    assert [(d.id, d.code) for d in onward.fleet.devices] == [(1, "gw-2")]
    anew = plan_import(first, renamed, AREAS, 1)
    assert [(d.id, d.code) for d in anew.fleet.devices] == [(2, "gw-2")]
    same_code = plan_import(
        first, [listed("abc", DEVICES[:1])], AREAS, 1, Deeds(anew=frozenset({("ABC", "gw-1")}))
    )
    assert [(d.id, d.code) for d in same_code.fleet.devices] == [(2, "gw-1")]
    assert [d.id for d in same_code.devices_retired] == [1]


def test_a_device_goes_on_under_the_code_of_another() -> None:
    both = [listed("abc", (DEVICES[0], DEVICES[3]))]
    first = plan_import(EMPTY, both, AREAS, 0).fleet
    spare = plan_import(
        first, [listed("abc", DEVICES[3:])], AREAS, 1, Deeds(replaced={("abc", "gw-1"): "gw-2"})
    )
    assert [(d.id, d.code) for d in spare.fleet.devices] == [(1, "gw-2")]
    assert [(d.id, d.code) for d in spare.fleet.former_devices] == [(2, "gw-2")]
    swap = {("abc", "gw-1"): "gw-2", ("abc", "gw-2"): "gw-1"}
    swapped = plan_import(first, both, AREAS, 1, Deeds(replaced=swap))
    assert [(d.id, d.code) for d in swapped.fleet.devices] == [(1, "gw-2"), (2, "gw-1")]
    assert swapped.devices_retired == ()


def test_merged_schools_say_into_which() -> None:
    first = plan_import(EMPTY, [listed("a", DEVICES[:1]), listed("b", DEVICES[:1])], AREAS, 0).fleet
    plan = plan_import(first, [listed("b", DEVICES[:1])], AREAS, 7, Deeds(merged={"A": "b"}))
    assert [(f.school.code, f.closed_us, f.merged_into) for f in plan.fleet.former] == [("a", 7, 2)]
    assert plan.closed == ()
    assert not plan.questions


def test_closing_much_is_asked_for() -> None:
    everybody = [listed(str(n), DEVICES[:1]) for n in range(100)]
    first = plan_import(EMPTY, everybody, AREAS, 0).fleet
    assert plan_import(first, everybody[3:], AREAS, 1).questions == ()
    assert "4 of 100 schools" in plan_import(first, everybody[4:], AREAS, 1).questions[0]
    assert "99 of 100 schools" in plan_import(first, everybody[:1], AREAS, 1).questions[0]


def test_one_provider_has_one_spelling_and_a_near_one_is_asked_for() -> None:
    names = ["Viettel", "viettel", "VIETTEL", " Viet tel"]
    file = [listed(str(n), DEVICES[:1], isp) for n, isp in enumerate(names)]
    plan = plan_import(EMPTY, file, AREAS, 0)
    assert len({s.isp for s in plan.fleet.schools}) == 1
    assert "one provider" in plan.notes[0]
    near = plan_import(plan.fleet, [*file[:-1], listed("3", DEVICES[:1], "Viettel Telecom")], AREAS, 1)
    assert "Are 'Viettel' and 'Viettel Telecom' one provider?" in near.questions[0]
