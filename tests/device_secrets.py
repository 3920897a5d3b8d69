"""Issued credentials for the devices of tests: one key makes the secrets, the product keeps their digests."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from contract.devices.credential import DeviceName, derived_secret, parse_device_name
from contract.service.metrics import Meter
from ingest.authoriser.shell import AuthoriserConfig
from ingest.authoriser.shell import run as run_authoriser
from storage.database import connect
from storage.devices.credentials import issue
from storage.fleet import load_fleet
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole
from tests.conftest import TestNats

KEY = b"of tests"


def secret_of(name: DeviceName) -> str:
    """Return the secret of a test's device."""
    return derived_secret(KEY, name)


def device_of(topic: str) -> DeviceName:
    """Return whose topic it is; it may have a stream that nobody knows."""
    name = parse_device_name("/".join(topic.split("/")[3:5]))
    assert name is not None, f"{topic} is no device's"
    return name


async def issue_to(database_url: str, names: Iterable[DeviceName]) -> None:
    """Issue to these devices what `secret_of` says."""
    async with await connect(database_url) as conn:
        await issue(conn, {name: secret_of(name) for name in names})


async def issue_to_fleet(database_url: str) -> None:
    """Issue to all devices of the saved fleet."""
    async with await connect(database_url) as conn:
        fleet = await load_fleet(conn)
    assert fleet is not None
    await issue_to(database_url, [DeviceName(*path) for path in fleet.device_by_path])


def issue_to_fleet_now(database_url: str) -> None:
    """Do so, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, issue_to_fleet(database_url)).result()


@asynccontextmanager
async def running_authoriser(
    nats: TestNats, database_url: str, meter: Meter | None = None, **more: float
) -> AsyncIterator[None]:
    """Run an authoriser for the length of the block; it knows every credential when the block begins."""
    stop, ready = asyncio.Event(), asyncio.Event()
    config = AuthoriserConfig(
        as_role(database_url, DatabaseRole.AUTHORISER),
        nats.url,
        nats.authoriser_user,
        nats.authoriser_password,
        **more,  # type: ignore[arg-type]  # numbers alone
    )
    running = asyncio.ensure_future(
        run_authoriser(config, stop, meter=meter or Meter(), mark_ready=ready.set)
    )
    await asyncio.wait([running, asyncio.ensure_future(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        stop.set()
        await running
