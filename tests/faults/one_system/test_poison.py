"""Row 30: one message that nobody can read spoils nothing but itself."""

import json
import signal
import time

import psycopg

from tests.fault_table import Account, Record
from tests.faults.checker import Broker, assert_balanced, publish_all
from tests.faults.one_system.conftest import SharedSystem
from tests.running_system import eventually

BATCH = 500
"""Messages in a whole batch of ingest."""
POISON = b"[" * 5000
"""Deeper than any reader of JSON should go."""


def test_one_poison_message_in_a_batch(system: SharedSystem, record: Record) -> None:
    """Ingest is stopped while they come, so that it takes all of them in one batch afterwards."""
    url = system.addresses["database_url"]
    [gateway], began = system.take(1), system.status()
    first_s = int(time.time()) - 3600
    messages = [
        (gateway.topic, json.dumps([{"n": "down_bps", "u": "bit/s", "v": 1e7, "t": first_s + i}]).encode())
        for i in range(BATCH)
    ]
    messages[BATCH // 2] = (gateway.topic, POISON)
    system.signal("ingest", signal.SIGSTOP)
    publish_all(Broker.of(system.addresses), messages)
    began_s = time.monotonic()
    system.signal("ingest", signal.SIGCONT)

    def rows() -> int:
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT count(*) FROM reading WHERE series = %s", (gateway.series,))
            return int(found.fetchall()[0][0])

    eventually(lambda: rows() == BATCH - 1, "all others are stored")
    took_s = time.monotonic() - began_s
    eventually(lambda: system.status().get("in_flight") == 0, "nothing is in flight")
    status = system.status()
    assert_balanced(status)
    assert rows() == BATCH - 1
    assert status["quarantined"] - began["quarantined"] == 1
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT reason FROM quarantine WHERE topic = %s", (gateway.topic,))
        assert found.fetchall() == [("not_json",)]
    account = Account(BATCH, BATCH, BATCH - 1)
    record(30, "one poison message of 500", account, took_s, "1 quarantined as not_json")
