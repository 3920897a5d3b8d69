"""What a user would write instead, as processes of their own: the baselines of `eduops bench`.

Each is a paho client with a persistent session on the same broker, in the best form that its idea
allows. They belong to no service, so paho and SQL may stand here: nothing of eduops is in the way.
"""

import json
import queue
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from psycopg import sql

from contract.topic import ALL_TOPICS

BATCH_MESSAGES: Final = 500
"""Half of the broker's window of unacknowledged messages, so that the next ones come meanwhile."""
IDLE_S: Final = 1.0
"""After so long without a message all of them have come."""
TABLE: Final = "bench_baseline"
_SERIES_STEP: Final = 256
"""Series numbers as in `reading`: a device's, times this, and the metric's."""

Row = tuple[datetime, int, float, float]


class Way(StrEnum):
    """What becomes of a message."""

    COUNT = "count"
    """Acknowledged at once: what the broker alone can do."""
    EXECUTEMANY = "executemany"
    """Inserted in the callback, a transaction a message."""
    COPY = "copy"
    """Gathered, and copied into the table a batch at a time; acknowledged after the commit."""


class Job(msgspec.Struct, frozen=True):
    """What one subscriber does."""

    way: Way
    host: str
    port: int
    user: str
    password: str
    seconds: float
    """Longest time from the first message on."""
    dsn: str = ""


class Done(msgspec.Struct, frozen=True):
    """What one subscriber did, from its first message to its last."""

    messages: int
    readings: int
    seconds: float


class _Subscriber:
    def __init__(self, job: Job) -> None:
        self._arrived: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        client = Client(
            CallbackAPIVersion.VERSION2,
            f"bench-{job.way}",
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(job.user, job.password)
        client.on_connect = _subscribe
        client.on_subscribe = _say_ready
        self._client = client
        self._job = job
        self._began_s = self._last_s = 0.0
        self._messages = self._readings = 0

    def run(self) -> Done:
        """Take messages until they end, or the time does."""
        self._client.connect(self._job.host, self._job.port)
        if self._job.way is Way.COUNT:
            self._in_callback(self._count)
        else:
            with psycopg.connect(self._job.dsn) as connection:
                if self._job.way is Way.EXECUTEMANY:
                    self._in_callback(lambda message: self._insert(connection, message))
                else:
                    self._in_batches(connection)
        return Done(self._messages, self._readings, self._last_s - self._began_s)

    def _in_callback(self, take: Any) -> None:
        self._client.on_message = lambda _client, _data, message: take(message)
        while not self._is_over():
            self._client.loop(0.1)

    def _count(self, message: MQTTMessage) -> None:
        self._done([message], 0)

    def _insert(self, connection: psycopg.Connection[Any], message: MQTTMessage) -> None:
        rows = rows_of(message.topic, bytes(message.payload))
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)
        self._done([message], len(rows))

    def _in_batches(self, connection: psycopg.Connection[Any]) -> None:
        self._client.on_message = lambda _client, _data, message: self._arrived.put(message)
        self._client.loop_start()
        while not self._is_over():
            batch = self._batch()
            if not batch:
                continue
            rows = [row for message in batch for row in rows_of(message.topic, bytes(message.payload))]
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                copy.set_types(["timestamptz", "int4", "float8", "float4"])
                for row in rows:
                    copy.write_row(row)
            self._done(batch, len(rows))

    def _batch(self) -> list[MQTTMessage]:
        batch = []
        try:
            batch.append(self._arrived.get(timeout=0.1))
            while len(batch) < BATCH_MESSAGES:
                batch.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _done(self, messages: Sequence[MQTTMessage], readings: int) -> None:
        for message in messages:
            self._client.ack(message.mid, message.qos)
        self._last_s = time.perf_counter()
        self._began_s = self._began_s or self._last_s
        self._messages += len(messages)
        self._readings += readings

    def _is_over(self) -> bool:
        if not self._messages:
            return False
        now_s = time.perf_counter()
        return now_s - self._last_s > IDLE_S or now_s - self._began_s > self._job.seconds


def _subscribe(client: Client, *_: Any) -> None:
    client.subscribe(ALL_TOPICS, qos=1)


def _say_ready(*_: Any) -> None:
    print("ready", flush=True)


_INSERT: Final = sql.SQL("insert into {} (time, series, value, score) values (%s, %s, %s, %s)").format(
    sql.Identifier(TABLE)
)
_COPY: Final = sql.SQL("copy {} (time, series, value, score) from stdin (format binary)").format(
    sql.Identifier(TABLE)
)
_series: Final[dict[tuple[str, str], int]] = {}


def rows_of(topic: str, payload: bytes) -> list[Row]:
    """Return the rows of a SenML pack, without any check of it; a series gets the next free number."""
    pack = json.loads(payload)
    base_s = pack[0]["bt"]
    rows = []
    for record in pack:
        key = (topic, record["n"])
        series = _series.setdefault(key, (len(_series) + 1) * _SERIES_STEP)
        moment = datetime.fromtimestamp(base_s + record.get("t", 0.0), UTC)
        rows.append((moment, series, record["v"], float("nan")))
    return rows


def main() -> None:
    """Read a job from the first line of standard input; say `ready`, then what was done."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    print(msgspec.json.encode(_Subscriber(job).run()).decode(), flush=True)


if __name__ == "__main__":
    main()
