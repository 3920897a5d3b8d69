"""Who listens beyond this machine, and whether TLS is spoken there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bus.broker_trust import BrokerTrust
from config.tls import TlsFiles, days_left, find_tls
from contract.access.address import is_loopback
from contract.errors import ConfigurationError
from eduops.settings import Settings

SOON_DAYS: Final = 14
"""A certificate that is over sooner is told while there is time."""


class NetworkFinding(NamedTuple):
    """One thing about listeners and certificates."""

    is_fine: bool
    sentence: str
    is_doubtful: bool = False


def tls_files(settings: Settings) -> TlsFiles | None:
    """Return certificate and key of the dashboard; None where it speaks plain HTTP.

    Raises:
        ConfigurationError: they cannot be found.
    """
    return None if settings.tls_dir is None else find_tls(settings.tls_dir)


def mqtt_tls_files(settings: Settings) -> TlsFiles | None:
    """Return certificate and key of the embedded broker; None where it speaks MQTT in clear.

    Raises:
        ConfigurationError: they cannot be found.
    """
    return None if settings.mqtt_tls_dir is None else find_tls(settings.mqtt_tls_dir)


def broker_trust(settings: Settings) -> BrokerTrust | None:
    """Return whose certificate counts as the broker's; None where the services speak to it in clear.

    Raises:
        ConfigurationError: the authority's file cannot be read.
    """
    if not settings.mqtt_tls and settings.mqtt_ca_file is None:
        return None
    trust = BrokerTrust(settings.mqtt_ca_file)
    try:
        trust.context()
    except OSError as error:
        raise ConfigurationError(f"mqtt_ca_file {settings.mqtt_ca_file} cannot be used: {error}") from error
    return trust


def check_network(settings: Settings) -> None:
    """Refuse to let secrets cross the network in clear.

    Raises:
        ConfigurationError: dashboard or embedded broker would listen beyond this machine without TLS.
    """
    if settings.insecure_network:
        return
    if not is_loopback(settings.host) and tls_files(settings) is None:
        raise ConfigurationError(
            f"the dashboard would listen on {settings.host!r} without TLS, so passwords and sessions would "
            "cross the network in clear: give it a certificate with --tls-dir, let a proxy end TLS in front "
            "of 127.0.0.1, or, on a network that nobody else is on, say --insecure-network"
        )
    if _is_broker_open(settings) and mqtt_tls_files(settings) is None:
        raise ConfigurationError(
            f"the broker would listen on {settings.mqtt_listen!r} without TLS, so the secrets of devices "
            "would cross the network in clear: give it a certificate with mqtt_tls_dir, let a proxy end TLS "
            "in front of 127.0.0.1, or, on a network that nobody else is on, say --insecure-network"
        )


def _is_broker_open(settings: Settings) -> bool:
    return settings.nats_url is None and not is_loopback(settings.mqtt_listen)


def network_findings(settings: Settings, *, embedded: bool = True) -> Iterator[NetworkFinding]:
    """Yield what is to be said of listeners beyond this machine, and of certificates.

    Args:
        settings: Of the system that runs, or would.
        embedded: Whether the broker is, or would be, ours.
    """
    if not is_loopback(settings.host) and settings.tls_dir is None:
        yield NetworkFinding(
            False, f"the dashboard listens on {settings.host} without TLS: whoever is on that network reads "
            "passwords and sessions; `tls_dir` names a certificate"
        )  # fmt: skip
    if embedded and not is_loopback(settings.mqtt_listen) and settings.mqtt_tls_dir is None:
        yield NetworkFinding(
            False, f"the broker listens on {settings.mqtt_listen} without TLS: whoever is on that network "
            "reads the secrets of devices; `mqtt_tls_dir` names a certificate"
        )  # fmt: skip
    away = [host for host, _ in settings.mqtt_addresses if not is_loopback(host)]
    if not embedded and away and not settings.mqtt_tls and settings.mqtt_ca_file is None:
        yield NetworkFinding(
            True, f"the services speak to the broker at {away[0]} without TLS: whoever is on that network "
            "reads their passwords; `mqtt_tls` or `mqtt_ca_file` if it speaks TLS", True
        )  # fmt: skip
    if not is_loopback(settings.metrics_host):
        yield NetworkFinding(
            True, f"/metrics listens on {settings.metrics_host}, without TLS and without a sign-in", True
        )
    for folder in dict.fromkeys((settings.tls_dir, settings.mqtt_tls_dir)):
        if folder is not None:
            yield _certificate_finding(folder)


def _certificate_finding(folder: Path) -> NetworkFinding:
    """Return whether what a folder holds can be served, and for how long."""
    try:
        files = find_tls(folder)
        left = days_left(files)
        files.context()
    except ConfigurationError as error:
        return NetworkFinding(False, str(error))
    if left < 0:
        return NetworkFinding(False, f"the certificate {files.chain} is over: renew it, nothing restarts")
    told = f"the certificate {files.chain} is valid for {left} more days"
    return NetworkFinding(left >= SOON_DAYS, told + ("" if left >= SOON_DAYS else ": renew it now"))
