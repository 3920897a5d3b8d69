"""What a first start fixes, what a data folder keeps, and what the commands print."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.mqtt_store import RETAINED, SESSIONS, StreamUse
from config.files import EDITABLE, load_configuration, read_config
from contract.clock import parse_at
from contract.errors import ConfigurationError, InfrastructureError
from eduops.data_folder import DataFolder
from eduops.machine.attach import attach
from eduops.machine.calendar_end import SOON_DAYS, calendar_end
from eduops.machine.first_start import fix_first_start
from eduops.machine.idle import describe_gap
from eduops.machine.ports import free_ports
from eduops.machine.supervisor import START_AGAIN
from eduops.machine.up import wall_port
from eduops.settings import Settings, load_settings
from eduops.verbs.doctor.broker import describe_held
from eduops.verbs.doctor.checked import Checked
from eduops.verbs.status import BrokerStatus, Status, render_status

NOON_US = 1_795_500_000_000_000
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A created data folder."""
    found = DataFolder(tmp_path)
    found.create()
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of that folder."""
    return load_settings(overrides={"data": tmp_path})


def test_the_first_start_fixes_the_clock(folder: DataFolder, settings: Settings) -> None:
    first = fix_first_start(folder, settings, NOON_US, AT, 10.0)
    assert first.clock.log_us(NOON_US) == round(AT.timestamp() * 1e6)
    assert first.clock.log_us(NOON_US + 1_000_000) == round(AT.timestamp() * 1e6) + 10_000_000
    later = fix_first_start(folder, settings, NOON_US + 5_000_000, None, None)
    assert later.clock == first.clock
    assert fix_first_start(folder, settings, NOON_US + 5_000_000, AT, 10.0).clock == first.clock


def test_a_later_start_cannot_change_clock_or_partitions(folder: DataFolder, settings: Settings) -> None:
    fix_first_start(folder, settings, NOON_US, None, None)
    with pytest.raises(ConfigurationError, match="--speed belongs to the first start"):
        fix_first_start(folder, settings, NOON_US, None, 2.0)
    with pytest.raises(ConfigurationError, match="partitions is 8"):
        fix_first_start(folder, settings.but(partitions=8), NOON_US, None, None)


def test_without_a_wish_log_time_is_real_time(folder: DataFolder, settings: Settings) -> None:
    assert fix_first_start(folder, settings, NOON_US, None, None).clock.log_us(NOON_US) == NOON_US


def test_at_is_local_time_of_the_schools() -> None:
    assert parse_at("2026-11-24T08:30", "Asia/Ho_Chi_Minh") == AT
    assert parse_at("2026-11-24T01:30+00:00", "Asia/Ho_Chi_Minh") == AT
    assert parse_at(None, "Asia/Ho_Chi_Minh") is None
    with pytest.raises(ConfigurationError, match="half past"):
        parse_at("half past eight", "Asia/Ho_Chi_Minh")


def test_a_folder_has_one_eduops(folder: DataFolder) -> None:
    with folder.locked(), pytest.raises(InfrastructureError, match="another eduops"), folder.locked():
        pass
    with folder.locked():
        pass


def test_what_it_writes_is_private_and_whole(folder: DataFolder) -> None:
    folder.write("addresses", {"a": 1})
    assert folder.read("addresses") == {"a": 1}
    assert (folder.path / "addresses.json").stat().st_mode & 0o077 == 0
    assert folder.read("none") == {}
    (folder.path / "addresses.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        folder.read("addresses")


def test_commands_say_that_nothing_runs(settings: Settings) -> None:
    with pytest.raises(InfrastructureError, match="no eduops runs"):
        attach(settings)
    elsewhere = settings.but(database_url="postgresql://h/d", nats_url="nats://h:4222")
    assert attach(elsewhere) == elsewhere


def test_an_operators_file_stands_in_and_a_stray_one_is_named(folder: DataFolder) -> None:
    folder.config.mkdir()
    packaged = read_config(folder.config, "calendar.toml")
    (folder.config / "calendar.toml").write_text(packaged.replace("Asia/Ho_Chi_Minh", "Asia/Bangkok"))
    assert load_configuration(folder.config).calendar.timezone.key == "Asia/Bangkok"
    (folder.config / "ruels.toml").write_text("")
    with pytest.raises(ConfigurationError, match=r"ruels\.toml"):
        load_configuration(folder.config)


def test_a_file_of_windows_editor_is_read_and_another_encoding_named(folder: DataFolder) -> None:
    folder.config.mkdir()
    for name in EDITABLE:
        if name.endswith((".toml", ".csv")):
            packaged = read_config(None, name)
            (folder.config / name).write_text(packaged, encoding="utf-8-sig")
            assert read_config(folder.config, name) == packaged
    load_configuration(folder.config)
    (folder.config / "calendar.toml").write_text(read_config(None, "calendar.toml"), encoding="utf-16")
    with pytest.raises(ConfigurationError, match=r"calendar\.toml is not UTF-8 at byte 0: save it as UTF-8"):
        load_configuration(folder.config)


@pytest.mark.parametrize(
    ("local", "left", "says"),
    [
        ("2026-11-24T08:00", 188, "ends on 2027-05-31, in 188 days; then every school counts as closed"),
        ("2027-05-01T08:00", 30, "write the next term into config/calendar.toml"),
        ("2027-05-31T23:00", 0, "in 0 days"),
        ("2027-06-01T00:30", -1, "ended on 2027-05-31: every school counts as closed since"),
    ],
)
def test_the_end_of_the_calendar_is_told(local: str, left: int, says: str) -> None:
    calendar = load_configuration(Path("none")).calendar
    at = parse_at(local, "Asia/Ho_Chi_Minh")
    assert at is not None
    ending = calendar_end(calendar, round(at.timestamp() * 1e6))
    assert ending.days_left == left
    assert says in ending.sentence
    assert ("write the next term" in ending.sentence) is (left <= SOON_DAYS)


@pytest.mark.parametrize(
    ("gap_s", "factor", "says"),
    [
        (5.0, 1.0, None),
        (1800.0, 1.0, None),
        (1800.0, 60.0, None),
        (7 * 86_400 + 7200.0, 1.0, "nothing was recorded for 7 d 2 h: the charts have a gap there"),
        (-3 * 3600.0, 1.0, "the log's last entry is 3 h ahead of this machine's clock: was it set back?"),
        (-8.0, 1.0, None),
        (-300.0, 60.0, None),
    ],
)
def test_a_start_says_what_happened_since_the_last_entry(
    gap_s: float, factor: float, says: str | None
) -> None:
    said = describe_gap(gap_s, factor, 48.0)
    assert said is None if says is None else says in (said or "")


def test_status_for_people_and_programs() -> None:
    process = {"pid": 7, "alive": True, "restarts": 1, "port": 8050}
    broker = BrokerStatus(taken=12, waiting=2, lost_sessions=1, missed=3)
    status = Status(14, 7, 2, 1, 4, 3, 0.25, 4, broker, "http://wall/", "admin", {"dashboard": process})
    found = json.loads(render_status(status, as_json=True))
    kinds = ("stored", "duplicate", "corrected", "quarantined")
    assert found["received"] == sum(found[kind] for kind in kinds)
    assert found["processes"]["dashboard"] == process
    assert found["lag_s"] == 0.25
    text = render_status(status, as_json=False)
    assert "received 14 = stored 7 + duplicate 2 + corrected 4 + quarantined 1; in flight 3" in text
    assert "the wall: http://wall/\nno administrator has a password yet: `eduops user link admin`" in text
    assert "took in 12 messages, of which 2 wait for ingest; its session was lost 1 times" in text
    assert "≠" in render_status(Status(13, 7, 2, 1, 4, 3, None, 4), as_json=False)


def test_what_the_broker_keeps_is_wrong_without_a_limit_and_when_it_is_nearly_full() -> None:
    fine, unlimited, full, cluster = (
        describe_held(StreamUse(*given))
        for given in (
            (RETAINED, 12, 3 << 20, -1, 64 << 20, 1),
            (RETAINED, 12, 3 << 20, -1, -1, 1),
            (SESSIONS, 90, 9_000, 100, -1, 1),
            (SESSIONS, 90, 9_000, -1, -1, 3),
        )
    )
    assert fine == Checked(
        True, "the broker keeps 12 retained messages, 3.0 MiB; at most 64 MiB ($MQTT_rmsgs)"
    )
    assert not unlimited.fine
    assert "is not limited" in unlimited.sentence
    assert not full.fine
    assert full.sentence.endswith("is 90% full: `eduops broker clear` shows what can go")
    assert cluster.fine
    assert "without a limit, as in a cluster" in cluster.sentence


def test_small_words() -> None:
    assert [START_AGAIN.wait_s(n) for n in (1, 2, 3, 99)] == [0.5, 1.0, 2.0, 30.0]
    assert Checked(False, "x").line.startswith("WRONG")


def test_two_starts_at_once_get_two_ports(settings: Settings) -> None:
    said: list[str] = []
    with ExitStack() as claims:
        first, second = (wall_port(settings, said.append, claims) for _ in range(2))
    assert first != second
    assert said[-1] == f"port {settings.port} is taken; the wall gets port {second}"


def test_a_port_that_was_asked_for_is_claimed_until_the_end(settings: Settings) -> None:
    wanted = settings.but(port=free_ports(1)[0])
    for _ in range(2):
        with ExitStack() as claims:
            assert wall_port(wanted, print, claims) == wanted.port
            with pytest.raises(ConfigurationError, match="choose another with --port"):
                wall_port(wanted, print, claims)
