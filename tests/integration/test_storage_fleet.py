"""The fleet comes back as it was saved, as a whole."""

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest

from config.fleet_csv import ListedSchool, parse_fleet_csv, write_fleet_csv
from config.fleet_plan import Deeds, plan_import
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.fleet import Coordinates, Fleet, Former
from device_simulator.areas import load_areas
from storage.database import connect
from storage.fleet import load_fleet, save_fleet, schools_then
from storage.metrics import claim_metrics
from storage.special_days.days import KnownCity, next_city


async def test_fleet_comes_back_with_its_version(postgres_url: str, city: Fleet) -> None:
    async with await connect(postgres_url) as conn:
        assert await load_fleet(conn) is None
        await save_fleet(conn, city)
        await save_fleet(conn, city)
        loaded = await load_fleet(conn)
        assert loaded is not None
        assert loaded.version == city.version
        assert loaded.schools == city.schools
        assert loaded.devices == city.devices


async def test_a_fleet_follows_the_one_before_and_remembers_it(postgres_url: str, city: Fleet) -> None:
    grown = dataclasses.replace(city.schools[0], isp="FPT 2", name="Tên mới", place=Coordinates(10.78, 106.7))
    gone = city.schools[-1]
    following = Fleet(
        city.province,
        city.clusters,
        city.wards,
        (grown, *city.schools[1:-1]),
        tuple(device for device in city.devices if device.school_id != gone.id),
        (Former(gone, 7_000_000, grown.id),),
        tuple(device for device in city.devices if device.school_id == gone.id),
    )
    async with await connect(postgres_url) as conn, await connect(postgres_url) as reader:
        await save_fleet(conn, city)
        async with reader.transaction():
            await save_fleet(conn, following, 7_000_000, instead_of=city.version)
        loaded = await load_fleet(reader)
        assert loaded is not None
        assert loaded.version == following.version != city.version
        assert (loaded.former, loaded.former_devices) == (following.former, following.former_devices)
        then, now = await schools_then(conn, loaded, 6_999_999), await schools_then(conn, loaded, 7_000_000)
        # Where it stands is known of now alone.
        assert then[grown.id] == dataclasses.replace(city.schools[0], place=grown.place)
        assert now[grown.id] == grown
        assert then[gone.id] == now[gone.id] == gone
        with pytest.raises(ConfigurationError, match="changed by somebody else"):
            await save_fleet(conn, city, instead_of=city.version)
        with pytest.raises(ConfigurationError, match="has a number that the new fleet lacks"):
            await save_fleet(
                conn, Fleet(city.province, city.clusters, city.wards, city.schools[:3], ()), instead_of=None
            )


async def test_what_is_said_last_holds_last_though_the_clock_was_set_back(
    postgres_url: str, city: Fleet
) -> None:
    first, *others = city.schools
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
        for at_us, isp in ((10_000_000, "FPT 2"), (5_000_000, "FPT 3"), (20_000_000, first.isp)):
            school = dataclasses.replace(first, isp=isp)
            fleet = Fleet(city.province, city.clusters, city.wards, (school, *others), city.devices)
            await save_fleet(conn, fleet, at_us)
        found = [
            (await schools_then(conn, city, t))[first.id].isp for t in (9_999_999, 10_000_000, 20_000_000)
        ]
    assert found == [first.isp, "FPT 3", first.isp]


async def test_schools_that_merge_again_and_come_back_keep_their_numbers(
    postgres_url: str, city: Fleet
) -> None:
    rows, _, _ = parse_fleet_csv(write_fleet_csv(city), load_areas())
    first, second, third = (school.code for school in rows[:3])
    merges: list[tuple[Sequence[ListedSchool], dict[str, str]]] = [
        (rows[1:], {first: second}),
        (rows[2:], {second: third}),
        ((rows[0], *rows[2:]), {}),
        (rows, {}),
    ]
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
        fleet = city
        for at_us, (file, merged) in enumerate(merges, 1):
            plan = plan_import(fleet, file, load_areas(), at_us, Deeds(merged))
            await save_fleet(conn, plan.fleet, at_us, instead_of=fleet.version)
            loaded = await load_fleet(conn)
            assert loaded is not None
            assert loaded.version == plan.fleet.version
            fleet = loaded
        assert (fleet.schools, fleet.devices, fleet.former) == (city.schools, city.devices, ())
        cursor = await conn.execute("select count(*), count(distinct id) from school")
        assert await cursor.fetchone() == (len(city.schools),) * 2


async def test_a_code_goes_from_one_device_to_another(postgres_url: str, city: Fleet) -> None:
    first, second, *others = city.devices
    assert first.school_id == second.school_id
    anew = dataclasses.replace(first, id=max(d.id for d in city.devices) + 1)
    swapped = (dataclasses.replace(anew, code=second.code), dataclasses.replace(second, code=anew.code))
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
        for at_us, devices in enumerate([(anew, second), swapped, (first, second)], 1):
            gone = (anew,) if first in devices else (first,)
            fleet = Fleet(
                *(city.province, city.clusters, city.wards, city.schools, (*devices, *others), (), gone)
            )
            await save_fleet(conn, fleet, at_us)
            loaded = await load_fleet(conn)
            assert loaded is not None
            assert (loaded.devices, loaded.former_devices) == (fleet.devices, fleet.former_devices)
        cursor = await conn.execute("select id, to_us(retired_at) from device where retired_at is not null")
        assert await cursor.fetchall() == [(anew.id, 3)]


async def test_whoever_waits_is_told_of_the_next_fleet(postgres_url: str, city: Fleet) -> None:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
        seen = KnownCity(city, ())
        waiting = asyncio.create_task(next_city(postgres_url, seen, with_days=False))
        other = dataclasses.replace(city.schools[0], name="Tên mới")
        following = Fleet(city.province, city.clusters, city.wards, (other, *city.schools[1:]), city.devices)
        await save_fleet(conn, following, 1)
        assert (await asyncio.wait_for(waiting, 30)).fleet.version == following.version


async def test_a_metrics_number_is_given_once(postgres_url: str, catalogue: Catalogue) -> None:
    first, *others = catalogue.metrics
    later = Catalogue((dataclasses.replace(first, name="another"), *others))
    moved = Catalogue((dataclasses.replace(first, id=200), *others))
    async with await connect(postgres_url) as conn:
        await claim_metrics(conn, catalogue)
        await claim_metrics(conn, Catalogue(tuple(others)))  # one that is left out keeps its number
        await claim_metrics(conn, catalogue)
        with pytest.raises(
            ConfigurationError, match=f"id {first.id} is .*{first.name}'s for ever; give .*/another"
        ):
            await claim_metrics(conn, later)
        with pytest.raises(ConfigurationError, match=f"{first.name} has id {first.id} for ever"):
            await claim_metrics(conn, moved)


async def test_a_metrics_unit_stays_with_its_history(postgres_url: str, catalogue: Catalogue) -> None:
    first, *others = catalogue.metrics
    in_another = Catalogue((dataclasses.replace(first, unit="kbit/s"), *others))
    async with await connect(postgres_url) as conn:
        await claim_metrics(conn, catalogue)
        with pytest.raises(ConfigurationError, match=f'{first.name} is stored in "{first.unit}" since'):
            await claim_metrics(conn, in_another)
        await claim_metrics(conn, catalogue)
        await conn.execute("delete from metric_unit")  # a folder of before the unit was noted
        await claim_metrics(conn, catalogue)
        with pytest.raises(ConfigurationError, match='not in "kbit/s"'):
            await claim_metrics(conn, in_another)
