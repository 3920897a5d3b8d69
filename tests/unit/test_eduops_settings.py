"""Settings: sources and their order, ranges, sentences, and what children get."""

from pathlib import Path

import pytest

from contract.errors import ConfigurationError
from eduops.machine.system import instances
from eduops.settings import ENV_PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDUOPS_DATA", str(tmp_path))
    monkeypatch.delenv("EDUOPS_PORT", raising=False)


def test_the_strongest_source_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().port == 8050
    (tmp_path / "eduops.toml").write_text("port = 1\n")
    assert load_settings().port == 1
    other = tmp_path / "other.toml"
    other.write_text("port = 2\n")
    assert load_settings(other).port == 2
    monkeypatch.setenv("EDUOPS_PORT", "3")
    assert load_settings(other).port == 3
    assert load_settings(other, {"port": 4}).port == 4
    monkeypatch.setenv("EDUOPS_WATCHDOG_URL", "")  # as Compose passes on what is not set
    assert load_settings(other).watchdog_url is None
    assert load_settings(other, {"port": None}).port == 3


def test_a_mistake_in_the_file_is_told_by_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "eduops.toml"
    for line, says in (
        ("port = 99999", "setting 'port'"),
        ("prot = 1", "'prot' is unknown; did you mean 'port'"),
        ('max_age_h = "long"', "setting 'max_age_h'"),
        ("port = = 1", "this is no TOML"),
    ):
        file.write_text(f"# mine\nschools = 60\n{line}\n")
        with pytest.raises(ConfigurationError) as caught:
            load_settings()
        assert str(caught.value).startswith(f"{file}, line 3"), caught.value
        assert says in str(caught.value)
    file.write_text("port = 8051\n")
    monkeypatch.setenv("EDUOPS_PORT", "99999")  # the file is right: nobody is sent there
    with pytest.raises(ConfigurationError, match=r"^setting 'port' \(EDUOPS_PORT\) is '99999'"):
        load_settings()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("port = 99999", r"'port' \(EDUOPS_PORT\) is 99999"),
        ("prot = 1", "'prot' is unknown"),
        ("port = ", "this is no TOML"),
        ('sync_interval = "sometimes"', "sync_interval"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "eduops.toml").write_text(line + "\n")
    with pytest.raises(ConfigurationError, match=sentence):
        load_settings()


def test_readings_are_kept_longer_than_they_are_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "eduops.toml").write_text("max_age_h = 72\n")
    with pytest.raises(ConfigurationError, match="max_age_h is 72 and raw_retention_h is 50: "):
        load_settings()
    monkeypatch.setenv("EDUOPS_RAW_RETENTION_H", "73")  # judged together, wherever they come from
    assert load_settings().max_age_h == 72
    with pytest.raises(ConfigurationError, match="raw_retention_h is 49"):
        load_settings().but(raw_retention_h=49)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_children_get_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load_settings().but(port=7, clock_factor=60.0, nats_password="x", database_url="postgresql://h/d")
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given


def test_paths_mean_the_same_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_settings(overrides={"data": "data", "tls_dir": "tls"}).from_anywhere()
    assert (found.data, found.tls_dir, found.database_passwords_dir) == (
        tmp_path / "data",
        tmp_path / "tls",
        None,
    )


def test_a_secret_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nats").write_text("from the environment's\n")
    (tmp_path / "oidc").write_text("from the settings'\n", encoding="utf-8-sig")  # as Windows' editor does
    written = f'oidc_client_secret_file = "{tmp_path}/oidc"\nport = 7'
    (tmp_path / "eduops.toml").write_text(written, encoding="utf-8-sig")
    monkeypatch.setenv("EDUOPS_NATS_PASSWORD_FILE", str(tmp_path / "nats"))
    found = load_settings(tmp_path / "eduops.toml")
    assert (found.nats_password, found.oidc_client_secret, found.port) == (
        "from the environment's", "from the settings'", 7
    )  # fmt: skip


def test_a_secret_in_two_places_and_a_file_that_is_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDUOPS_NATS_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=r"nats_password_file .* cannot be read"):
        load_settings()
    monkeypatch.setenv("EDUOPS_NATS_PASSWORD", "here")
    with pytest.raises(ConfigurationError, match="both nats_password and nats_password_file are set"):
        load_settings()


def test_no_password_is_shown() -> None:
    hidden = {"nats_password": "hidden-1", "watchdog_password": "hidden-2", "oidc_client_secret": "hidden-3"}
    assert "hidden" not in repr(load_settings().but(**hidden))


def test_every_setting_is_described_and_has_a_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description
        assert field.description.endswith(".")
        assert f"{ENV_PREFIX}{name.upper()}".isupper()


def test_several_nodes_of_a_broker_and_their_ports() -> None:
    settings = load_settings(overrides={"mqtt_host": "a.example,b.example:1884,10.0.0.3", "mqtt_port": 1883})
    assert settings.mqtt_addresses == (("a.example", 1883), ("b.example", 1884), ("10.0.0.3", 1883))
    with pytest.raises(ConfigurationError, match="mqtt_host"):
        settings.but(mqtt_host="a.example,,b.example")


def test_a_slice_holds_whole_partitions() -> None:
    assert load_settings().part == (0, 1)
    assert load_settings(overrides={"partitions": 8, "ingest_slice": "3/4"}).part == (3, 4)
    with pytest.raises(ConfigurationError, match="the last is '3/4'"):
        _ = load_settings(overrides={"partitions": 8, "ingest_slice": "4/4"}).part
    with pytest.raises(ConfigurationError, match="cannot share 8 partitions evenly"):
        _ = load_settings(overrides={"partitions": 8, "ingest_slice": "0/3"}).part


def test_one_process_has_its_services_name_and_several_have_numbers() -> None:
    settings = load_settings(overrides={"ingests": 2, "processors": 3})
    assert [one.process_name for one in instances(settings, "processor")] == [
        "processor-1",
        "processor-2",
        "processor-3",
    ]
    assert [(one.process_name, one.ingest_slice) for one in instances(settings, "ingest")] == [
        ("ingest-1", "0/2"),
        ("ingest-2", "1/2"),
    ]
    assert [one.process_name for one in instances(settings, "dashboard")] == ["dashboard"]
    with pytest.raises(ConfigurationError, match="3 ingest processes"):
        instances(settings.but(ingests=3), "ingest")
