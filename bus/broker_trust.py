"""Whose certificate counts as the broker's, where MQTT goes by TLS."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509

_LEAST: Final = ssl.TLSVersion.TLSv1_2  # RFC 9325, section 3.1.1


class BrokerTrust:
    """Verifies brokers by the authorities of a file or of the system; one serves many connections."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """Take whom to trust.

        Args:
            ca_file: PEM file of authorities, which then count alone; None for those of the system. One that
                holds the broker's own certificate instead pins it: that one counts, under whichever name the
                broker is reached. Read anew when it changes.
        """
        self._file = ca_file
        self._seen: tuple[int, int, int] | None = None
        self._context: ssl.SSLContext | None = None
        self._pinned: frozenset[bytes] = frozenset()

    def context(self) -> ssl.SSLContext:
        """Return what the next connection verifies by.

        Raises:
            OSError: the file cannot be read, or holds no certificate.
        """
        seen = None if self._file is None else _look(self._file)
        if self._context is None or seen != self._seen:
            self._context, self._pinned = _read(self._file)
            self._seen = seen
        return self._context

    async def secure(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        """Return a connected, non-blocking socket after its TLS handshake; `sock` itself is used up.

        Raises:
            OSError: the broker speaks no TLS, or its certificate does not count.
        """
        secured = self.context().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        try:
            await _shake_hands(secured)
            if self._pinned and secured.getpeercert(binary_form=True) not in self._pinned:
                raise ConnectionError(f"the broker shows another certificate than the one in {self._file}")
        except ssl.SSLCertVerificationError as error:
            secured.close()
            raise ConnectionError(
                f"the broker's certificate does not count ({error.verify_message}): mqtt_ca_file names the "
                "authority that signed it, mqtt_host a name that it has"
            ) from error
        except ssl.SSLError as error:
            secured.close()
            raise ConnectionError(f"the broker speaks no TLS on this port ({error.reason})") from error
        except BaseException:
            secured.close()
            raise
        return secured


def _look(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(file: Path | None) -> tuple[ssl.SSLContext, frozenset[bytes]]:
    """Return the context of a file, and the certificates that it pins."""
    context = ssl.create_default_context(cafile=None if file is None else str(file))
    context.minimum_version = _LEAST
    if file is None:
        return context, frozenset()
    from cryptography import x509  # dear to import, and wanted by TLS alone
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        held = x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError as error:
        raise OSError(f"{file} holds what is no certificate: {error}") from error
    if not all(map(_is_a_servers, held)):
        return context, frozenset()
    # The certificate is the anchor itself, whoever signed it, and known to the letter: no name to ask for.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context, frozenset(one.public_bytes(Encoding.DER) for one in held)


def _is_a_servers(certificate: "x509.Certificate") -> bool:
    """Return whether a certificate names a server, as one that only signs others does not."""
    from cryptography import x509

    found = [extension.value for extension in certificate.extensions]
    signs = any(isinstance(one, x509.BasicConstraints) and one.ca for one in found)
    return not signs or any(isinstance(one, x509.SubjectAlternativeName) for one in found)


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            watch, unwatch = loop.add_reader, loop.remove_reader
        except ssl.SSLWantWriteError:
            watch, unwatch = loop.add_writer, loop.remove_writer
        ready = asyncio.Event()
        watch(sock, ready.set)
        try:
            await ready.wait()
        finally:
            unwatch(sock)
