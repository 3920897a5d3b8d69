"""A certificate and its key: found, checked, and taken up anew when the files change."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from config.private_file import write_private
from contract.errors import ConfigurationError

PAIRS: Final = (("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key"), ("cert.pem", "key.pem"))
"""How a folder may name chain and key: as certbot does, as Kubernetes does, plainly."""
LOOK_S: Final = 5.0
"""Seconds between two looks at the files."""
_logger: Final = logging.getLogger(__name__)


class TlsFiles(NamedTuple):
    """PEM files of a server."""

    chain: Path
    """Its certificate first, then those that signed it."""
    key: Path
    """Without a password, readable by the service's user alone."""

    def seen(self) -> tuple[tuple[int, int, int], ...]:
        """Return what tells one content of the files from another; empty while one is not there."""
        try:
            found = [file.stat() for file in self]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    def ends_at(self) -> datetime:
        """Return when the certificate is over.

        Raises:
            ConfigurationError: it cannot be read.
        """
        from cryptography import x509  # dear to import, and wanted by TLS alone

        try:
            return x509.load_pem_x509_certificate(self.chain.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"the certificate {self.chain} cannot be read: {error}") from error

    def context(self) -> ssl.SSLContext:
        """Return what a server serves TLS by.

        Raises:
            ConfigurationError: a file cannot be read, or they do not belong together.
        """
        found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        found.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325, section 3.1.1
        self.load(found)
        return found

    def load(self, context: ssl.SSLContext) -> None:
        """Have a context serve by these files from the next connection on.

        Raises:
            ConfigurationError: a file cannot be read, or they do not belong together.
        """
        try:
            context.load_cert_chain(self.chain, self.key, password=_no_password)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise ConfigurationError(f"{self.chain} and {self.key} cannot be served: {error}") from error


class ServedCopy:
    """A copy of certificate and key for another server: whole at any time, while theirs are renewed."""

    def __init__(self, folder: Path, source: TlsFiles) -> None:
        """Take where the copy lies, in a folder that only its owner reads, and of what."""
        self._source = source
        self.files = TlsFiles(folder / "fullchain.pem", folder / "privkey.pem")
        self.own = folder / "certificate.pem"
        """The certificate without those that signed it, for clients that trust exactly this one."""

    def take(self) -> None:
        """Copy the files as they are now.

        Raises:
            ConfigurationError: they cannot be served.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        self._source.context()
        self.own.parent.mkdir(mode=0o700, exist_ok=True)
        chain, key = (file.read_text(encoding="utf-8") for file in self._source)
        own = x509.load_pem_x509_certificate(chain.encode()).public_bytes(Encoding.PEM)
        for file, text in ((self.files.key, key), (self.files.chain, chain), (self.own, own.decode())):
            write_private(file, text)


def find_tls(folder: Path) -> TlsFiles:
    """Return chain and key of a folder.

    Raises:
        ConfigurationError: it has no pair of names that is known.
    """
    for chain, key in PAIRS:
        if (folder / chain).is_file() and (folder / key).is_file():
            return TlsFiles(folder / chain, folder / key)
    known = ", ".join(" and ".join(pair) for pair in PAIRS)
    raise ConfigurationError(f"tls_dir {folder} has no certificate with its key: {known}")


def days_left(files: TlsFiles) -> int:
    """Return for how many days the certificate still is; below 0 when it is over.

    Raises:
        ConfigurationError: it cannot be read.
    """
    return (files.ends_at() - datetime.now(UTC)).days


async def follow_tls(files: TlsFiles, take: Callable[[], None], look_s: float = LOOK_S) -> None:
    """Serve new connections by what the files hold, again and again, until cancelled.

    Two files are written one after the other: what does not belong together is looked at again, and what
    was served before is served meanwhile.

    Args:
        files: What is looked at.
        take: Has the server take them up; called only while they belong together.
        look_s: Seconds between two looks.
    """
    taken = told = files.seen()
    while True:
        await asyncio.sleep(look_s)
        seen = files.seen()
        if seen == taken:
            continue
        try:
            files.context()  # first where nobody is served by it
            take()
        except (ConfigurationError, OSError) as error:
            if seen != told:
                _logger.error(
                    "event=certificate_refused file=%s: the one before stays: %s", files.chain, error
                )
            told = seen
            continue
        taken = told = seen
        _logger.info("event=certificate_changed file=%s: new connections get it", files.chain)


def _no_password() -> str:
    return ""  # else OpenSSL asks on the terminal
