"""What the dashboard is told at its start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.tls import LOOK_S, TlsFiles
from contract.access.address import is_loopback, is_safe_address
from contract.clock import LogClock
from contract.entry import check_partitions
from contract.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """The city's own sign-in (OpenID Connect), checked on creation."""

    issuer: str
    """As the provider writes it, to the letter; https, or on this machine."""
    client_id: str
    """What we are called there."""
    client_secret: str = field(default="", repr=False)
    """Empty for a public client: PKCE alone."""
    ca_file: Path | None = None
    """The one authority (PEM) that counts for the provider; None: the system's and the public ones."""

    def __post_init__(self) -> None:
        if not is_safe_address(self.issuer):
            raise ConfigurationError(
                f"oidc_issuer is {self.issuer!r}: it must begin with https://, for whoever reads on the way "
                "could sign in as anybody"
            )
        if not self.client_id:
            raise ConfigurationError("oidc_issuer is set: oidc_client_id must be, too")


@dataclass(frozen=True, slots=True)
class DashboardConfig:
    """Settings of the dashboard, checked on creation."""

    dsn: str
    """PostgreSQL connection string."""
    partitions: int
    """Telemetry partitions, 1 to `MAX_PARTITIONS`; one summary a second is expected of each."""
    build_id: str
    """Changes with every build; an open page with another one reloads itself."""
    host: str = "127.0.0.1"
    """Address to listen on; loopback only unless there is `tls` or `insecure_network`."""
    port: int = 8050
    """TCP port, 0 to 65535; 0 takes a free one."""
    tls: TlsFiles | None = None
    """The certificate by which HTTPS is spoken; None: plain HTTP."""
    tls_look_s: float = LOOK_S
    """Seconds between two looks whether it changed, above 0."""
    insecure_network: bool = False
    """Listen beyond loopback although nothing is encrypted; for a container whose port is published on
    127.0.0.1 only, or a proxy on another machine."""
    allowed_hosts: tuple[str, ...] = ()
    """Names that a request's Host may bear besides loopback and `host`, without ports."""
    secure_cookies: bool = False
    """Whether people reach the dashboard by TLS, its own or a proxy's."""
    forwarded_allow_ips: str = "127.0.0.1"
    """Proxies whose word on a client's address counts, with commas between."""
    public_url: str = ""
    """Where people reach the dashboard; empty: where their browsers say."""
    oidc: OidcConfig | None = None
    """The city's own sign-in; None where all users are local."""
    broker_refused: Callable[[], Mapping[str, int]] = dict
    """Returns how often the broker itself refused each client within a day, as far as its log can be read."""
    request_s: float = 10.0
    """Seconds within which a request must have arrived, above 0."""
    connections_max: int = 900
    """Open connections, at least 1; below the usual 1,024 descriptors of a process."""
    inbox: Path = Path("inbox")
    """Folder of the center's own inbox, as the notifier fills it; it need not be there."""
    own_config: Path | None = None
    """Folder with the operator's routes.toml; the packaged one where it has none."""
    files_noted: Path | None = None
    """File of what is on record of the operator's files; None: their changes are not put on record."""
    clock: LogClock = field(default_factory=LogClock)
    alerts_body_bytes: int = 4_194_304
    """Largest body of `POST /api/v2/alerts`, above 0."""
    coverage_min: float = 0.8
    """Share of expected series, 0 to 1, that must report before a figure counts as known."""
    summary_stale_s: float = 15.0
    """Real seconds without a summary after which a partition's schools are unknown; above 1."""
    heal_s: float = 30.0
    """Seconds between two reads of the open alerts, which heal what a broken line dropped; above 0."""
    client_queue: int = 8
    """Messages that may wait for one browser, 2 to 1000; a slower one is dropped."""

    def __post_init__(self) -> None:
        check_partitions(self.partitions)
        if not 0.0 <= self.coverage_min <= 1.0:
            raise ConfigurationError(f"coverage_min is {self.coverage_min}; it must be 0 to 1")
        if self.summary_stale_s <= 1.0 or self.heal_s <= 0.0:
            raise ConfigurationError("summary_stale_s must be above 1 and heal_s above 0")
        if self.request_s <= 0.0 or self.connections_max < 1 or self.alerts_body_bytes < 1:
            raise ConfigurationError(
                "request_s must be above 0, connections_max and alerts_body_bytes at least 1"
            )
        if not 2 <= self.client_queue <= 1000:
            raise ConfigurationError(f"client_queue is {self.client_queue}; it must be 2 to 1000")
        if self.tls is None and not self.insecure_network and not is_loopback(self.host):
            raise ConfigurationError(
                f"the dashboard has no certificate (tls_dir), so it listens on loopback only; host is "
                f"{self.host!r}. Use 127.0.0.1 behind a proxy that has one, or set insecure_network if the "
                "port is published on 127.0.0.1 only"
            )
