"""The limits that `eduops bench` measures in the same run: the broker alone, and what a user would write.

The services are stopped meanwhile. Broker and packs are the same program and the same bytes, on a
store of its own: the system's own session would otherwise want every message too. PostgreSQL is
the same server, the table has the columns, types and index of a partition of `reading`.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import AsyncConnection, sql

from bus.rights import BrokerUser
from contract.errors import InfrastructureError
from eduops.bench.generator import LoadSpec, Offered
from eduops.bench.rows import table_like_reading
from eduops.bench.subscriber import TABLE, Done, Job, Way
from eduops.machine.process import Server
from eduops.machine.servers.embedded_nats import EmbeddedNats, prepare_nats
from eduops.settings import Settings

_SOURCE: Final = Path(__file__).resolve().parents[2]
_READY_S: Final = 15.0
_FLOOD_S: Final = 1.0
"""How long each baseline is offered packs; it may then take `_TAKE_S` for what waits."""
_TAKE_S: Final = 5.0
_BROKER_S: Final = 2.0


class Ceilings(NamedTuple):
    """What parts of the path do alone, and what takes their place in a user's own script."""

    broker_messages_per_s: float
    executemany_readings_per_s: float
    copy_readings_per_s: float


async def measure_limits(
    spec: LoadSpec, settings: Settings, connection: AsyncConnection[Any], folder: Path
) -> Ceilings:
    """Return the limits for the packs of `spec`.

    Args:
        spec: what the load publishes; host, port and credentials are replaced.
        settings: those of the run, with its database.
        connection: to the same database.
        folder: a new folder for each broker.

    Raises:
        InfrastructureError: a process failed.
    """
    found: dict[Way, Done] = {}
    for way in Way:
        async with table_like_reading(connection, sql.Identifier(TABLE)):
            path = folder / f"limit-{way}"
            path.mkdir()
            async with _broker(path, settings) as broker:
                found[way] = await _measure(way, spec, broker, settings.database_owner_url or "")
    return Ceilings(
        _rate(found[Way.COUNT].messages, found[Way.COUNT]),
        _rate(found[Way.EXECUTEMANY].readings, found[Way.EXECUTEMANY]),
        _rate(found[Way.COPY].readings, found[Way.COPY]),
    )


def _rate(done: int, of: Done) -> float:
    return done / of.seconds if of.seconds else 0.0


@asynccontextmanager
async def _broker(path: Path, settings: Settings) -> AsyncIterator[EmbeddedNats]:
    nats = prepare_nats(path, sync_interval=settings.sync_interval)
    server = Server(nats.spec(), path / "nats.log")
    await asyncio.to_thread(server.start)
    try:
        yield nats
    finally:
        await asyncio.to_thread(server.kill)


async def _measure(way: Way, spec: LoadSpec, broker: EmbeddedNats, dsn: str) -> Done:
    password, host = broker.passwords[BrokerUser.OPERATOR], "127.0.0.1"
    seconds = _BROKER_S if way is Way.COUNT else _FLOOD_S
    job = Job(way, host, broker.mqtt_port, BrokerUser.OPERATOR, password, seconds + _TAKE_S, dsn)
    flood = msgspec.structs.replace(
        spec,
        host=host,
        port=broker.mqtt_port,
        user=BrokerUser.OPERATOR,
        password=password,
        seconds=seconds,
        packs_per_s=0.0,
    )
    subscriber = await _spawn("eduops.bench.subscriber")
    try:
        assert subscriber.stdin is not None
        subscriber.stdin.write(msgspec.json.encode(job) + b"\n")
        await subscriber.stdin.drain()
        async with asyncio.timeout(_READY_S):
            await _line(subscriber)
        await offer(flood)
        async with asyncio.timeout(_READY_S + _TAKE_S):
            return msgspec.json.decode(await _line(subscriber), type=Done)
    except TimeoutError as error:
        raise InfrastructureError(f"the baseline {way.value!r} took no message") from error
    finally:
        if subscriber.returncode is None:
            subscriber.kill()
        await subscriber.communicate()


async def _line(process: Process) -> bytes:
    """Return the next line that a process says.

    Raises:
        InfrastructureError: it ended instead.
    """
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        assert process.stderr is not None
        said = (await process.stderr.read()).decode(errors="replace").strip()
        raise InfrastructureError(f"a process of the measurement failed: {said[-300:]}")
    return line


async def offer(spec: LoadSpec) -> Offered:
    """Run the generator in a process of its own and return what it published.

    Raises:
        InfrastructureError: it failed.
    """
    process = await _spawn("eduops.bench.generator")
    said, complained = await process.communicate(msgspec.json.encode(spec))
    if process.returncode:
        raise InfrastructureError(
            f"the generator failed: {complained.decode(errors='replace').strip()[-300:]}"
        )
    return msgspec.json.decode(said, type=Offered)


async def _spawn(module: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=_SOURCE
    )
