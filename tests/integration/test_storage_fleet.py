"""The fleet comes back as it was saved, as a whole."""

import dataclasses

from contract.fleet import Fleet
from storage.database import connect
from storage.fleet import load_fleet, save_fleet


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


async def test_next_fleet_replaces_the_one_before(postgres_url: str, city: Fleet) -> None:
    fewer = city.schools[:5]
    ids = {school.id for school in fewer}
    grown = dataclasses.replace(fewer[0], pupils=fewer[0].pupils + 1)
    following = Fleet(
        city.province,
        city.clusters,
        city.wards,
        (grown, *fewer[1:]),
        tuple(device for device in city.devices if device.school_id in ids),
    )
    async with await connect(postgres_url) as conn, await connect(postgres_url) as reader:
        await save_fleet(conn, city)
        async with reader.transaction():
            await save_fleet(conn, following)
        loaded = await load_fleet(reader)
        assert loaded is not None
        assert loaded.version == following.version != city.version
