"""Every setting of eduops, and the only reader of the environment.

A setting `name` is read from, strongest first: the command line, the environment (`EDUOPS_NAME`),
the TOML file (`--config FILE`, or `eduops.toml` in the data folder), the default below.
"""

import os
import tomllib
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_dir
from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from contract.clock import LogClock
from contract.entry import DEFAULT_PARTITIONS, MAX_PARTITIONS
from contract.errors import ConfigurationError
from contract.toml.text import TomlText
from contract.topic import MAX_BATCH_MESSAGES, PAYLOAD_LIMITS
from eduops.failpoint import PATTERN as FAILPOINT_PATTERN
from eduops.setting_groups.database import DatabaseSettings
from eduops.setting_groups.door import DoorSettings, Port
from eduops.setting_groups.files import read_secret_files, secrets_named, secrets_of
from eduops.setting_groups.mqtt import MqttSettings
from eduops.setting_groups.words import checked, slice_of

ENV_PREFIX: Final = "EDUOPS_"
_COMMAND_VARIABLES: Final = ("PATH", "HOME", "LC_ALL", "LANG")


class TomlFile(TomlConfigSettingsSource):
    """The settings file, which may name files of secrets."""

    def __call__(self) -> dict[str, Any]:
        """Return what the file says, and what the files that it names hold."""
        return read_secret_files(super().__call__(), secrets_of(self.settings_cls))

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        """Return the tables of the file, with a byte order mark as Windows' editor sets it or without."""
        return tomllib.loads(file_path.read_text(encoding="utf-8-sig"))


class Settings(DatabaseSettings, DoorSettings, MqttSettings, BaseSettings):
    """All settings; each field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    data: Path = Field(
        default_factory=lambda: Path(user_data_dir("eduops")),
        description="Data folder: embedded servers, credentials, clock, an operator's own config/.",
    )
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severity that services log."
    )
    log_format: str = Field(
        "text",
        pattern="^(text|json)$",
        description="`text` for people, or `json`: one object a line with time, level, service and fields.",
    )
    metrics_host: str = Field(
        "127.0.0.1",
        description="Address that `/metrics` listens on; it has no sign-in, but no secrets either.",
    )
    metrics_port: Port = Field(
        0,
        description=(
            "Port of a service's Prometheus `/metrics`, 0 to 65535; 0 takes a free one. `eduops up` "
            "gives its services this and the following ports. `DATA/metrics.json` names them all."
        ),
    )
    process_name: str | None = Field(
        None,
        pattern="^[a-z0-9-]{1,32}$",
        description="Name of this process in logs and metrics; none is its service's. `eduops up` sets it.",
    )
    failpoint: str | None = Field(
        None,
        pattern=FAILPOINT_PATTERN,
        description=(
            "For fault tests only: `POINT:kill` or `POINT:stall`, with `:N` at its N-th visit. Points: "
            "`received`, `appended` of ingest; `folded`, `announced`, `committed` of the processor; "
            "`claimed`, `sent`, `noted` of the notifier."
        ),
    )

    nats_url: str | None = Field(
        None,
        description=(
            "Address of a NATS server with JetStream, or of the nodes of a cluster with commas between; "
            "none starts the embedded one."
        ),
    )
    nats_user: str | None = Field(
        None, description="NATS user of this process; of `up` of its services too, unless each has its own."
    )
    nats_password: str | None = Field(None, repr=False, description="Password of that user.")
    nats_passwords_dir: Path | None = Field(
        None,
        description=(
            "Folder with a file for each user of your own NATS server, such as `nats_processor`, that holds "
            "its password: services of `up` connect as these."
        ),
    )
    nats_port: Port = Field(
        0, description="Loopback port of the embedded NATS, 0 to 65535; 0 takes a free one and keeps it."
    )
    sync_interval: str = Field(
        "auto",
        pattern=r"^(auto|always|\d+(ms|s|m))$",
        description=(
            "How often the embedded log and broker call fsync: a duration is what a power cut may take back "
            "(a killed process takes nothing); `always` needs a disk with thousands of fsync a second; "
            "`auto` measures the disk at start: `always` where it is fast enough, else `100ms` or `1s`."
        ),
    )
    log_replicas: int = Field(
        1, ge=1, le=5, description="Copies of each log in a NATS cluster, 1 to 5; 3 survive a node."
    )
    log_max_gib: float = Field(
        4.0, ge=0.001, le=4096, description="GiB that one partition's log may hold before ingest has to wait."
    )
    mqtt_store_max_gib: float = Field(
        2.0, ge=0.001, le=1024, description="GiB of acknowledged MQTT messages that may wait for ingest."
    )

    watchdog_password: str | None = Field(None, repr=False, description="MQTT password of `watchdog`.")
    authoriser_password: str | None = Field(
        None, repr=False, description="NATS password of `authoriser`; the key that signs is made of it."
    )
    authorisers: int = Field(1, ge=1, le=16, description="Authoriser processes of `eduops up`, 1 to 16.")

    partitions: int = Field(
        DEFAULT_PARTITIONS,
        ge=1,
        le=MAX_PARTITIONS,
        description=f"Partitions of the telemetry log, 1 to {MAX_PARTITIONS}; fixed at first start.",
    )
    clock_origin_us: int = Field(
        0,
        ge=0,
        description="Log time at the clock's real origin, µs since 1970; 0 with factor 1 is real time.",
    )
    clock_real_origin_us: int = Field(0, ge=0, description="Real time at the clock's origin, µs since 1970.")
    clock_factor: float = Field(
        1.0,
        ge=0.1,
        le=3600,
        description="Log seconds per real second, 0.1 to 3600; above 1 for demonstrations.",
    )

    ingests: int = Field(
        1,
        ge=1,
        le=16,
        description="Ingest processes that `eduops up` starts, 1 to 16; must divide the partitions.",
    )
    ingest_slice: str = Field(
        "0/1",
        pattern=r"^\d{1,2}/[1-9]\d?$",
        description=(
            "Which part of the schools an ingest process takes: `I/N` is part I, from 0, of N; N must divide "
            "the partitions. `eduops up` sets it."
        ),
    )
    ingest_client_id: str = Field(
        "eduops-ingest",
        pattern=r"^[A-Za-z0-9_-]{1,23}$",
        description="How ingest's MQTT client ids begin; a hash keyed by the password follows.",
    )
    max_age_h: float = Field(
        48.0,
        gt=0,
        le=351360,
        description="Hours after which a reading is quarantined; an hour or more below `raw_retention_h`.",
    )
    max_future_s: float = Field(
        300.0,
        ge=0,
        le=86400,
        description="Seconds that a device's clock may run ahead before its readings are quarantined.",
    )
    max_payload_bytes: int = Field(
        1 << 20,
        ge=PAYLOAD_LIMITS[0],
        le=PAYLOAD_LIMITS[1],
        description=(
            f"Bytes of the largest message that ingest reads, {PAYLOAD_LIMITS[0]} to {PAYLOAD_LIMITS[1]}; "
            "a larger one is quarantined and counts as one reading. The broker takes 8388608."
        ),
    )
    ingest_batch_ms: float = Field(
        50.0, ge=0, le=1000, description="Milliseconds that ingest waits for a batch to fill, 0 to 1000."
    )
    ingest_batch_messages: int = Field(
        500,
        ge=1,
        le=MAX_BATCH_MESSAGES,
        description=(
            f"Messages in one batch of ingest, 1 to {MAX_BATCH_MESSAGES} (half of the broker's window)."
        ),
    )

    processors: int = Field(
        1,
        ge=1,
        le=16,
        description="Processor processes that `eduops up` starts, 1 to 16; they divide the logs among them.",
    )
    snapshot_every_s: float = Field(
        15.0, gt=0, le=3600, description="Seconds between two snapshots of a partition's state, to 3600."
    )
    processor_batch_entries: int = Field(
        256, ge=1, le=10000, description="Log entries in one transaction of the processor, 1 to 10000."
    )

    coverage_min: float = Field(
        0.8, ge=0, le=1, description="Share of expected series that must report before a figure is known."
    )

    watchdog_url: str | None = Field(
        None,
        repr=False,
        pattern="^https?://",
        description="Webhook that the watchdog posts JSON to when the pipeline is dead and when it is back.",
    )
    wall_token: str | None = Field(
        None, repr=False, description="Token of the watchdog for the wall; none is the data folder's own."
    )
    watchdog_command: str | None = Field(
        None, description="Command that the watchdog runs then; the JSON comes on its standard input."
    )
    watchdog_after_s: float = Field(
        120.0,
        ge=5,
        le=180,
        description="Seconds without a fresh canary after which the watchdog raises its alarm, 5 to 180.",
    )
    watchdog_every_s: float = Field(
        5.0, ge=0.1, le=60, description="Seconds between two looks of the watchdog, 0.1 to 60."
    )
    watchdog_repeat_s: float = Field(
        1800.0,
        ge=10,
        le=86400,
        description="Seconds after which an alarm that goes on is said again, 10 to 86400.",
    )

    notify_workers: int = Field(
        4, ge=1, le=64, description="Messages that a notifier sends at once, 1 to 64."
    )
    notify_loopback: bool = Field(False, description="Whether webhooks may be on the notifier's own machine.")

    schools: int = Field(3541, ge=1, le=50000, description="Schools of the generated fleet at first start.")
    seed: int = Field(79, ge=0, description="Seed of the generated fleet and of the simulated city.")
    seed_days: float = Field(
        3.0, ge=0, le=60, description="Days of simulated history at first start, 0 to 60; 0 starts empty."
    )
    cadence_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds of log time between two bandwidth packs of a simulated gateway.",
    )
    simulator_connections: int = Field(
        0,
        ge=0,
        le=60000,
        description="MQTT connections of the simulator; 0 is one a device. With fewer, schools share them.",
    )
    scatter_per_h: float = Field(
        0.0, ge=0, le=3600, description="Random labelled faults an hour of log time in the simulated city."
    )

    @property
    def clock(self) -> LogClock:
        """The log's clock."""
        return LogClock(self.clock_origin_us, self.clock_real_origin_us, self.clock_factor)

    @property
    def part(self) -> tuple[int, int]:
        """Which slice of how many this ingest takes: index from 0, and count.

        Raises:
            ConfigurationError: there is no such slice, or the slices do not hold whole partitions.
        """
        return slice_of(self.ingest_slice, self.partitions)

    @property
    def log_max_bytes(self) -> int:
        """Cap of one log, bytes."""
        return int(self.log_max_gib * 1024**3)

    @property
    def mqtt_store_max_bytes(self) -> int:
        """Cap of the broker's store of messages, bytes."""
        return int(self.mqtt_store_max_gib * 1024**3)

    def environment(self) -> dict[str, str]:
        """Return the variables that give these settings to a child process."""
        chosen = self.model_dump(mode="json", exclude_none=True)
        return {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in chosen.items()}

    def from_anywhere(self) -> "Settings":
        """Return these settings with whole paths: services run in the data folder, wherever it was named."""
        return self.but(**{name: path.absolute() for name, path in self if isinstance(path, Path)})

    def but(self, **changes: Any) -> "Settings":
        """Return these settings with some replaced, checked again.

        Raises:
            ConfigurationError: a value is out of its range, or does not fit another.
        """
        return _consistent(checked(Settings, {**self.model_dump(), **changes}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, strongest first."""
        files = secrets_named(os.environ, ENV_PREFIX, secrets_of(settings_cls))
        return init_settings, env_settings, InitSettingsSource(settings_cls, files), TomlFile(settings_cls)


SECRETS: Final = secrets_of(Settings)
"""Settings that hold a secret: no message shows them, and a process gets those that it needs."""


def load_settings(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of command line, environment and file.

    Args:
        config: The TOML file; without it `eduops.toml` in the data folder, if it exists.
        overrides: Values of the command line; None means not given.

    Raises:
        ConfigurationError: the file cannot be read, or a value is unknown, out of range or fits no other.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    if config is not None and not config.is_file():
        raise ConfigurationError(f"the settings file {config} does not exist")
    if config is None:
        config = checked(Settings, given).data / "eduops.toml"

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    written = None
    if config.is_file():
        from config.files import read_edited  # with it comes the whole configuration

        written = TomlText(str(config), read_edited(config))
    return _consistent(checked(Settings, checked(FromFile, given, written).model_dump()))


def command_environment() -> dict[str, str]:
    """Return the variables that an operator's command gets: where programs are, and the language."""
    return {name: os.environ[name] for name in _COMMAND_VARIABLES if name in os.environ}


def _consistent(settings: Settings) -> Settings:
    if settings.raw_retention_h < settings.max_age_h + 1:
        raise ConfigurationError(
            f"max_age_h is {settings.max_age_h:g} and raw_retention_h is {settings.raw_retention_h:g}: old "
            "readings would be stored and never shown; keep them an hour or more beyond that age"
        )
    return settings
