"""A code's number, and so its history and alerts, stay its own through any sequence of fleet files."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.fleet_csv import ListedSchool
from config.fleet_plan import Deeds, plan_import
from contract.errors import ConfigurationError
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
    shouted = [
        replace(s, code=s.code.upper(), devices=tuple((code.upper(), kind) for code, kind in s.devices))
        for s in file
    ]
    plan = plan_import(first, shouted, AREAS, 1)
    assert plan.is_empty
    assert plan.fleet.version == first.version, "whoever publishes has its topic still"


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


@pytest.mark.parametrize(
    ("devices", "replaced", "anew", "said"),
    [
        (DEVICES[3:], {"gw-1": "gw-9"}, "", "the file has no gateway 'gw-9' of this school"),
        ((("gw-9", DeviceKind.ATTENDANCE),), {"gw-1": "gw-9"}, "", "the file has no gateway 'gw-9'"),
        ((("gw-9", DeviceKind.GATEWAY),), {"gw-1": "gw-9"}, "gw-9", "lets it begin anew"),
        ((("gw-9", DeviceKind.GATEWAY),), {"gw-1": "gw-9", "gw-2": "GW-9"}, "", "two devices of 'abc'"),
        (DEVICES[3:], {"gw-7": "gw-2"}, "", "no device 'gw-7' of school 'abc'"),
    ],
)
def test_a_series_that_cannot_go_on_as_the_operator_says_is_refused(
    devices: tuple[tuple[str, DeviceKind], ...], replaced: dict[str, str], anew: str, said: str
) -> None:
    first = plan_import(EMPTY, [listed("abc", (DEVICES[0], DEVICES[3]))], AREAS, 0).fleet
    deeds = Deeds(
        replaced={("abc", old): new for old, new in replaced.items()},
        anew=frozenset({("abc", anew)} if anew else ()),
    )
    with pytest.raises(ConfigurationError, match=said):
        plan_import(first, [listed("abc", devices)], AREAS, 1, deeds)


def test_a_device_that_moves_to_another_school_begins_anew_there() -> None:
    first = plan_import(EMPTY, [listed("a", DEVICES), listed("b", DEVICES[:1])], AREAS, 0).fleet
    moved = plan_import(first, [listed("a", DEVICES[:3]), listed("b", (DEVICES[0], DEVICES[3]))], AREAS, 1)
    before = next(d for d in first.devices if d.code == "gw-2")
    assert moved.devices_retired == (before,)
    assert [(d.school_id, d.code, d.id not in first.device_by_id) for d in moved.devices_added] == [
        (2, "gw-2", True)
    ]


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


def test_of_schools_that_merged_again_the_last_one_keeps_them() -> None:
    fleet = plan_import(EMPTY, [listed(code, DEVICES[:1]) for code in "abc"], AREAS, 0).fleet
    fleet = plan_import(fleet, [listed(c, DEVICES[:1]) for c in "bc"], AREAS, 1, Deeds({"a": "b"})).fleet
    fleet = plan_import(fleet, [listed("c", DEVICES[:1])], AREAS, 2, Deeds({"b": "c"})).fleet
    assert [(f.school.code, f.merged_into, f.closed_us) for f in fleet.former] == [("a", 2, 1), ("b", 3, 2)]
    assert [fleet.keeper_of(f) for f in fleet.former] == [fleet.schools[0]] * 2
    apart = plan_import(fleet, [listed(c, DEVICES[:1]) for c in "ac"], AREAS, 3).fleet
    assert {s.code: s.id for s in apart.schools} == {"a": 1, "c": 3}
    alone = plan_import(fleet, [listed("d", DEVICES[:1])], AREAS, 4).fleet
    assert [alone.keeper_of(f) for f in alone.former] == [None] * 3


def test_a_code_that_comes_back_as_another_school_is_asked_about() -> None:
    both = [listed("a", DEVICES[:1]), listed("b", DEVICES[:1])]
    closed = plan_import(plan_import(EMPTY, both, AREAS, 0).fleet, both[1:], AREAS, 1).fleet
    assert plan_import(closed, both, AREAS, 2).questions == ()
    other = plan_import(closed, [replace(both[0], name="Trường khác"), both[1]], AREAS, 2)
    assert "School a was 'Trường a' when it left and comes back as 'Trường khác'" in other.questions[0]


def test_zeros_that_a_spreadsheet_program_dropped_are_asked_about() -> None:
    first = plan_import(EMPTY, [listed(code, DEVICES[:1]) for code in ("00123", "b")], AREAS, 0).fleet
    plan = plan_import(first, [listed(code, DEVICES[:1]) for code in ("123", "b")], AREAS, 1)
    assert "School 123 is new and 00123 is gone" in plan.questions[0]


def test_areas_that_are_named_anew_are_a_change() -> None:
    file = [listed("a", DEVICES[:1])]
    first = plan_import(EMPTY, file, AREAS, 0)
    assert first.areas_changed == ()
    cluster, ward = AREAS.clusters[0], AREAS.wards[-1]
    renamed = replace(
        AREAS,
        clusters=(replace(cluster, name="Mới"), *AREAS.clusters[1:]),
        wards=(*AREAS.wards[:-1], replace(ward, name="Phường Mới", cluster_code=cluster.code)),
    )
    plan = plan_import(first.fleet, file, renamed, 1)
    assert not plan.is_empty
    assert plan.fleet.ward_by_code[ward.code].name == "Phường Mới"
    assert plan.areas_changed == (
        f"cluster {cluster.code}: name {cluster.name} → Mới",
        f"ward {ward.code}: {ward.name} ({ward.short_name}), cluster {ward.cluster_code} → "
        f"Phường Mới ({ward.short_name}), cluster {cluster.code}",
    )


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
