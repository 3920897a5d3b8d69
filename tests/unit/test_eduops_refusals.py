"""What the broker's log tells of refused devices."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from plotly.utils import PlotlyJSONEncoder

from config.files import shipped_texts
from contract.texts import Language
from eduops.machine.refusals import (
    BrokerRefusal,
    RefusalFollower,
    count_refusals,
    read_refusals,
    refused_today,
)
from ops_dashboard.pages.quarantine import quarantine_page
from tests.fold_world import small_fleet
from tests.unit.conftest import Run

AT = "[7] 2026/11/27 09:45:50.778548"
BLANK = f'{AT} [ERR] 127.0.0.1:37959 - mid:30 - "gw-2" - character not supported for MQTT topics\n'
RIGHT = f'{AT} [ERR] 127.0.0.1:46545 - mid:29 - "gw-1" - Publish Violation - Subject "log.telemetry-0"\n'
OTHER = f"{AT} [INF] Server is ready\n"


def test_refusals_are_counted_by_client_and_reason() -> None:
    found = count_refusals([BLANK, OTHER, BLANK, RIGHT, BLANK.replace("gw-2", "\x1b[2Jg" + "w" * 99)])
    counts = Counter(refusal.client for refusal in found.elements())
    assert counts == {"gw-2": 2, "gw-1": 1, f"?[2Jg{'w' * 43}": 1}
    assert BrokerRefusal("gw-1", "publishes where it has no right to") in found


def test_the_page_of_refused_data_tells_each_client_with_its_school(tmp_path: Path) -> None:
    fleet, texts = small_fleet(), shipped_texts()
    school = fleet.schools[1]
    lately = f"{datetime.now(UTC) - timedelta(hours=1):%Y/%m/%d %H:%M:%S}"
    today = (BLANK + RIGHT + RIGHT.replace("Publish", "Authorization")).replace("2026/11/27 09:45:50", lately)
    before = BLANK.replace("2026/11/27", "2020/11/27")
    (tmp_path / "nats.log").write_text(before + today.replace("gw-1", f"{school.code}/gw-1"))
    refused = refused_today(tmp_path)
    assert refused == {"gw-2": 1, f"{school.code}/gw-1": 2}
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    page = quarantine_page(texts, Language.EN, [], {}, None, fleet, zone, refused)
    shown = json.dumps(page, cls=PlotlyJSONEncoder, ensure_ascii=False)
    places = [shown.index(word) for word in ("Refused by the broker itself", school.name, "gw-2")]
    assert places == sorted(places), "who is refused most stands first"
    empty = quarantine_page(texts, Language.EN, [], {}, None, fleet, zone, {})
    assert "broker" not in json.dumps(empty, cls=PlotlyJSONEncoder)


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


def test_doctor_beside_servers_of_others_tells_of_refusals_and_of_no_server_that_is_not_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container, into which the broker's log is mounted."""
    monkeypatch.setenv("EDUOPS_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("EDUOPS_NATS_URL", "nats://127.0.0.1:1")
    (tmp_path / "logs").mkdir()
    lately = f"{datetime.now(UTC) - timedelta(hours=1):%Y/%m/%d %H:%M:%S}"
    (tmp_path / "logs" / "nats.log").write_text(BLANK.replace("2026/11/27 09:45:50", lately) * 3)
    said = run("doctor", "--data", str(tmp_path))
    assert said.code == 1
    assert "WRONG the broker refused gw-2 3 times: it has a blank or another character in a topic" in said.out
    assert "PostgreSQL is there" not in said.out
    assert "NATS is there" not in said.out
    assert "the system does not answer" in said.out
