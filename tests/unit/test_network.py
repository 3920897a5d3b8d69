"""Listeners beyond this machine: refused without TLS, and told by doctor."""

from pathlib import Path
from typing import Any

import pytest

from contract.errors import ConfigurationError
from eduops.data_folder import DataFolder
from eduops.machine.attach import completed, leave_addresses
from eduops.machine.network import broker_trust, check_network, network_findings
from eduops.machine.people import entry_address
from eduops.settings import Settings, load_settings
from eduops.wiring import notifier_config, wall_url, watchdog_config
from ops_dashboard.config import DashboardConfig
from tests.certificates import Authority
from watchdog.config import WatchdogConfig


def settings(data: Path, **more: Any) -> Settings:
    return load_settings(overrides={"data": data, **more})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate for 90 days."""
    return Authority(tmp_path).sign(tmp_path / "tls").chain.parent


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "::", "wall.city.example"])
def test_nobody_signs_in_over_the_network_in_clear(tmp_path: Path, folder: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="--tls-dir"):
        check_network(settings(tmp_path, host=host))
    check_network(settings(tmp_path, host=host, tls_dir=folder))
    check_network(settings(tmp_path, host=host, insecure_network=True))
    check_network(settings(tmp_path, host="127.0.0.1"))
    with pytest.raises(ConfigurationError, match="insecure_network"):
        DashboardConfig("dsn", 4, "b", host=host)


@pytest.mark.parametrize("listen", ["0.0.0.0", "10.0.0.7", "::"])
def test_no_device_speaks_over_the_network_in_clear(tmp_path: Path, folder: Path, listen: str) -> None:
    with pytest.raises(ConfigurationError, match="mqtt_tls_dir"):
        check_network(settings(tmp_path, mqtt_listen=listen, tls_dir=folder))
    check_network(settings(tmp_path, mqtt_listen=listen, mqtt_tls_dir=folder))
    check_network(settings(tmp_path, mqtt_listen=listen, insecure_network=True))
    check_network(settings(tmp_path, mqtt_listen=listen, nats_url="nats://elsewhere:4222"))


def test_services_verify_the_broker_by_what_the_settings_say(tmp_path: Path, folder: Path) -> None:
    assert broker_trust(settings(tmp_path)) is None
    assert broker_trust(settings(tmp_path, mqtt_tls=True)) is not None
    pinned = settings(tmp_path, mqtt_ca_file=folder / "fullchain.pem", nats_url="nats://elsewhere:4222")
    for config in (watchdog_config(pinned.but(mqtt_port=8883)), pinned):
        trust = config.mqtt_trust if isinstance(config, WatchdogConfig) else broker_trust(config)
        assert trust is not None
        assert not trust.context().check_hostname  # the certificate itself, so its name says nothing more
    authority = broker_trust(settings(tmp_path, mqtt_ca_file=tmp_path / "authority.pem"))
    assert authority is not None
    assert authority.context().check_hostname
    for text in ("no certificate", ""):
        (tmp_path / "broken.pem").write_text(text)
        with pytest.raises(ConfigurationError, match=r"mqtt_ca_file .*broken\.pem"):
            broker_trust(settings(tmp_path, mqtt_ca_file=tmp_path / "broken.pem"))


def test_a_folder_without_a_pair_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "privkey.pem").unlink()
    with pytest.raises(ConfigurationError, match=r"fullchain\.pem and privkey\.pem"):
        check_network(settings(tmp_path, host="0.0.0.0", tls_dir=folder))


@pytest.mark.parametrize(("days", "told"), [(90, "89 more days"), (5, "renew it now"), (-1, "is over")])
def test_doctor_counts_the_days_of_a_certificate(tmp_path: Path, days: int, told: str) -> None:
    folder = Authority(tmp_path).sign(tmp_path / "tls", days=days).chain.parent
    (found,) = network_findings(settings(tmp_path, host="0.0.0.0", tls_dir=folder))
    assert told in found.sentence
    assert found.is_fine == (days == 90)


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({}, "http://localhost:8050"),
        ({"public_url": "https://wall.city.example/"}, "https://wall.city.example"),
    ],
)
def test_a_message_links_to_the_host_that_the_reader_is_signed_in_at(
    tmp_path: Path, more: dict[str, str], link: str
) -> None:
    found = settings(tmp_path, database_url="postgresql://nowhere", **more)
    assert notifier_config(found).public_url == link
    assert entry_address(found, "secret") == f"{link}/enter/secret"


def test_doctor_tells_listeners_without_tls(tmp_path: Path, folder: Path) -> None:
    assert list(network_findings(settings(tmp_path))) == []
    open_ones = settings(tmp_path, host="0.0.0.0", metrics_host="0.0.0.0", insecure_network=True)
    assert [(one.is_fine, one.is_doubtful) for one in network_findings(open_ones)] == [
        (False, False),
        (True, True),
    ]
    (broker,) = network_findings(settings(tmp_path, mqtt_listen="0.0.0.0"))
    assert not broker.is_fine
    assert "mqtt_tls_dir" in broker.sentence
    away = settings(tmp_path, mqtt_host="mqtt.city.example")
    (clear,) = network_findings(away, embedded=False)
    assert (clear.is_fine, clear.is_doubtful) == (True, True)
    assert list(network_findings(away.but(mqtt_tls=True), embedded=False)) == []
    (days,) = network_findings(settings(tmp_path, tls_dir=folder, mqtt_tls_dir=folder))
    assert days.is_fine
    (folder / "fullchain.pem").write_text("no certificate")
    (found,) = network_findings(settings(tmp_path, tls_dir=folder))
    assert not found.is_fine


def test_a_command_knows_the_certificate_of_the_system_that_runs(tmp_path: Path, folder: Path) -> None:
    data = DataFolder(tmp_path)
    leave_addresses(data, settings(tmp_path, host="0.0.0.0", tls_dir=folder))
    found = completed(data, settings(tmp_path))
    assert (found.host, found.tls_dir) == ("0.0.0.0", folder)
    assert wall_url(found).startswith("https://127.0.0.1:")
    leave_addresses(data, settings(tmp_path))
    assert completed(data, settings(tmp_path)).tls_dir is None
