"""Row 20: a processor that lives and does nothing is told outside, and its watchdog's way is free of it."""

import json
import time
from pathlib import Path

from tests.fault_table import Record
from tests.faults.checker import Broker, check, gateways, publishing, seconds_to_recover
from tests.faults.conftest import Start
from tests.running_system import eventually

AFTER_S = 8.0
"""Patience of the watchdog here; three minutes are its limit, whatever is set."""
BOUND_S = 60.0
VISIT = 100
"""Commits until it stalls: some minutes of a quiet system, seconds of a busy one."""
ROUND_READINGS = 300


def test_a_processor_that_lives_but_stalls(start: Start, servers_folder: Path, record: Record) -> None:
    said = servers_folder / "stalled.json"
    env = {
        "EDUOPS_WATCHDOG_COMMAND": f"/usr/bin/tee -a {said}",
        "EDUOPS_WATCHDOG_AFTER_S": f"{AFTER_S:g}",
        "EDUOPS_WATCHDOG_EVERY_S": "1",
        "EDUOPS_FAILPOINT": f"committed:stall:{VISIT}",
    }
    system = start(env=env, watchdog=True)
    targets = gateways(system.addresses["database_url"])
    with publishing(Broker.of(system.addresses), targets, every_s=0.02) as [device]:
        device.more(ROUND_READINGS)
        eventually(lambda: said.exists() and said.read_text().strip() != "", "the watchdog tells", 120)
        alarm = json.JSONDecoder().raw_decode(said.read_text().lstrip())[0]
        assert alarm["kind"] == "alarm"
        assert alarm["silent_s"] <= BOUND_S
        assert system.processes()["processor"]["restarts"] == 0  # it lives: nobody else would notice
        began_s = time.monotonic()
        system.kill("processor")
        took_s = seconds_to_recover(system, device, began_s)
        device.finish()
        account = check(system, [device])
    assert account.stored == account.attempted
    note = f"told after {alarm['silent_s']:.0f} s with a patience of {AFTER_S:g} s; recovery from its restart"
    record(20, "a processor that lives and stalls", account, took_s, note)
