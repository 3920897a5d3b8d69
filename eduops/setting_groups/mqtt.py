"""The settings of the MQTT broker; part of `eduops.settings`, which alone reads them."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field

from eduops.setting_groups.door import Port
from eduops.setting_groups.words import addresses_of

_HOST: Final = r"[A-Za-z0-9._-]+(:\d{1,5})?"
MOST_SHARE_MIB: Final = float(1 << 20)


class MqttSettings(BaseModel):
    """Which broker devices speak to, where it listens, and whether by TLS."""

    mqtt_broker: str = Field(
        "nats",
        pattern="^(nats|other)$",
        description="`nats`: the MQTT broker is the log's own server; `other`: another, such as mosquitto.",
    )
    mqtt_host: str = Field(
        "127.0.0.1",
        pattern=rf"^{_HOST}(,{_HOST})*$",
        description=(
            "Host of the MQTT broker, for ingest and the simulator; several as `host[:port]` with commas "
            "between are tried in turn."
        ),
    )
    mqtt_port: Port = Field(
        0, description="Port of the MQTT broker, 0 to 65535; 0 takes a free one for the embedded broker."
    )
    mqtt_user: str | None = Field(None, description="MQTT user of the services; none is that of NATS.")
    mqtt_password: str | None = Field(
        None, repr=False, description="MQTT password of the services; none is that of NATS."
    )
    device_share_mib: float = Field(
        128.0,
        ge=0.001,
        le=MOST_SHARE_MIB,
        description=(
            "MiB that a device may send within an hour, times `clock_factor`; each message counts a KiB "
            "more; one that sends more is not let in until half of it is free again."
        ),
    )
    mqtt_listen: str = Field(
        "127.0.0.1",
        pattern=r"^([A-Za-z0-9._-]+|::)$",
        description="Address that the embedded broker listens on for MQTT.",
    )
    mqtt_tls_dir: Path | None = Field(
        None,
        description=(
            "Folder with the embedded broker's certificate and key, named as in `tls_dir` and perhaps the "
            "same; with it MQTT is spoken by TLS alone, and changed files are taken up while it runs."
        ),
    )
    mqtt_tls: bool = Field(False, description="Whether the services speak TLS to the broker at `mqtt_host`.")
    mqtt_ca_file: Path | None = Field(
        None,
        description=(
            "File (PEM) of the authority that signs the certificate of the broker at `mqtt_host`, which then "
            "counts alone, or that certificate itself; with it the services speak TLS. With `mqtt_tls` alone "
            "the system's authorities count."
        ),
    )

    @property
    def mqtt_addresses(self) -> tuple[tuple[str, int], ...]:
        """Hosts and ports of the MQTT broker's nodes, in the order in which they are tried."""
        return addresses_of(self.mqtt_host, self.mqtt_port)
