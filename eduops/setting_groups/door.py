"""The settings of the door by which people come in; part of `eduops.settings`, which alone reads them."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

Port = Annotated[int, Field(ge=0, le=65535)]


class DoorSettings(BaseModel):
    """Where the dashboard listens, who may call it, and how the city's people sign in."""

    host: str = Field("127.0.0.1", description="Address that the dashboard listens on.")
    port: Port = Field(8050, description="Port of the dashboard, 0 to 65535; 0 takes a free one.")
    tls_dir: Path | None = Field(
        None,
        description=(
            "Folder with the dashboard's certificate and key, named as by certbot or Kubernetes, or "
            "`cert.pem` and `key.pem`; with it the dashboard speaks HTTPS alone, and takes changed files up "
            "while it runs."
        ),
    )
    insecure_network: bool = Field(
        False,
        description=(
            "Lets dashboard and embedded broker listen beyond loopback without TLS (containers, proxies)."
        ),
    )
    allowed_hosts: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.,:_\[\]-]+$",
        description=(
            "Names by which browsers and programs may call the dashboard, and Prometheus `/metrics`, with "
            "commas between and without ports, besides loopback, `host` and `metrics_host`; a proxy's public "
            "name belongs here."
        ),
    )
    forwarded_allow_ips: str = Field(
        "127.0.0.1", description="Proxies whose word on a client's address counts, with commas between."
    )
    alerts_body_bytes: Annotated[int, Field(ge=1_048_576, le=67_108_864)] = Field(
        4_194_304, description="Largest body of `POST /api/v2/alerts`, in bytes, 1 MiB to 64 MiB."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="Address of the wall for links in messages; none is the dashboard's own.",
    )
    oidc_issuer: str | None = Field(
        None,
        description=(
            "The city's own sign-in (OpenID Connect): its issuer, as it calls itself to the letter; none "
            "where all users are local."
        ),
    )
    oidc_ca_file: Path | None = Field(
        None,
        description=(
            "File (PEM) of the authority that signs the provider's certificate, which then counts alone; "
            "none trusts those of the system and the public ones."
        ),
    )
    oidc_client_id: str | None = Field(None, description="What the dashboard is called at that provider.")
    oidc_client_secret: str | None = Field(
        None, repr=False, description="Secret of that client; none for a public one."
    )

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of `allowed_hosts`."""
        return tuple((self.allowed_hosts or "").split(","))
