"""By whose word the provider's certificate counts: the system's, or that of one authority alone."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from contract.errors import ConfigurationError
from ops_dashboard.config import OidcConfig
from ops_dashboard.people.city.identity import ProviderSilentError
from ops_dashboard.people.city.provider import IdentityProvider
from tests.certificates import Authority


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[str]:
    """An address on HTTPS that describes itself as a provider does, with a certificate of `Authority`."""
    files = Authority(tmp_path).sign(tmp_path / "tls")
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(files.chain, files.key)

    class Described(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"issuer": at}
            said |= {
                f"{name}": f"{at}/x" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            }
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, format: str, *args: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Described) as server:
        at = f"https://localhost:{server.server_port}"
        server.socket = trust.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield at
        server.shutdown()
        thread.join()


async def test_one_authority_counts_alone(issuer: str, tmp_path: Path) -> None:
    own = IdentityProvider(OidcConfig(issuer, "eduops", ca_file=tmp_path / "authority.pem"))
    assert (await own.describe())["issuer"] == issuer
    with pytest.raises(ProviderSilentError):
        await IdentityProvider(OidcConfig(issuer, "eduops")).describe()
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").file
    with pytest.raises(ProviderSilentError):
        await IdentityProvider(OidcConfig(issuer, "eduops", ca_file=other)).describe()
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(ConfigurationError, match="oidc_ca_file"):
            IdentityProvider(OidcConfig(issuer, "eduops", ca_file=file))
