"""What the broker's log tells of refused devices."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eduops.machine.refusals import BrokerRefusal, RefusalFollower, count_refusals, read_refusals

AT = "[7] 2026/11/27 09:45:50.778548"
BLANK = f'{AT} [ERR] 127.0.0.1:37959 - mid:30 - "gw-2" - character not supported for MQTT topics\n'
RIGHT = f'{AT} [ERR] 127.0.0.1:46545 - mid:29 - "gw-1" - Publish Violation - Subject "log.telemetry-0"\n'
OTHER = f"{AT} [INF] Server is ready\n"


def test_refusals_are_counted_by_client_and_reason() -> None:
    found = count_refusals([BLANK, OTHER, BLANK, RIGHT, BLANK.replace("gw-2", "\x1b[2Jg" + "w" * 99)])
    counts = Counter(refusal.client for refusal in found.elements())
    assert counts == {"gw-2": 2, "gw-1": 1, f"?[2Jg{'w' * 43}": 1}
    assert BrokerRefusal("gw-1", "publishes where it has no right to") in found


def test_a_follower_counts_what_is_new_also_in_a_fresh_file(tmp_path: Path) -> None:
    log = tmp_path / "nats.log"
    assert RefusalFollower(tmp_path).total() == 0
    log.write_text(BLANK + OTHER)
    follower = RefusalFollower(tmp_path)
    with log.open("a") as file:
        file.write(RIGHT + BLANK[:40])
    assert follower.total() == 1
    with log.open("a") as file:
        file.write(BLANK[40:])
    assert [follower.total(), follower.total()] == [2, 2]
    log.replace(tmp_path / "nats.log.1")
    (tmp_path / "nats.log.2026.11.27.09.45.49.000000001").write_text(
        BLANK
    )  # as the server itself puts it aside
    log.write_text(BLANK)
    assert follower.total() == 3
    assert read_refusals(tmp_path).total() == 5
    written = datetime(2026, 11, 27, 9, 45, 50, tzinfo=UTC)
    assert read_refusals(tmp_path, written).total() == 5
    assert read_refusals(tmp_path, written + timedelta(seconds=1)).total() == 0
