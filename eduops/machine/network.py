"""Who listens beyond this machine, and whether TLS is spoken there."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from config.tls import TlsFiles, days_left, find_tls
from contract.address import is_loopback
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


def check_network(settings: Settings) -> None:
    """Refuse to let people sign in over the network in clear.

    Raises:
        ConfigurationError: the dashboard would listen beyond this machine without TLS.
    """
    if is_loopback(settings.host) or settings.insecure_network or tls_files(settings) is not None:
        return
    raise ConfigurationError(
        f"the dashboard would listen on {settings.host!r} without TLS, so passwords and sessions would cross "
        "the network in clear: give it a certificate with --tls-dir, let a proxy end TLS in front of "
        "127.0.0.1, or, on a network that nobody else is on, say --insecure-network"
    )


def network_findings(settings: Settings) -> Iterator[NetworkFinding]:
    """Yield what is to be said of listeners beyond this machine, and of the certificate."""
    try:
        files = tls_files(settings)
        left = None if files is None else days_left(files)
        if files is not None:
            files.context()
    except ConfigurationError as error:
        yield NetworkFinding(False, str(error))
        return
    if files is None and not is_loopback(settings.host):
        yield NetworkFinding(
            False, f"the dashboard listens on {settings.host} without TLS: whoever is on that network reads "
            "passwords and sessions; `tls_dir` names a certificate"
        )  # fmt: skip
    if not is_loopback(settings.metrics_host):
        yield NetworkFinding(
            True, f"/metrics listens on {settings.metrics_host}, without TLS and without a sign-in", True
        )
    if files is not None and left is not None:
        told = f"the certificate {files.chain} is valid for {left} more days"
        if left < 0:
            yield NetworkFinding(False, f"the certificate {files.chain} is over: renew it, nothing restarts")
        else:
            yield NetworkFinding(left >= SOON_DAYS, told + ("" if left >= SOON_DAYS else ": renew it now"))
