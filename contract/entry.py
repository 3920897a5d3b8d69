"""Entries of the log, as the fold sees them: readings and ticks, each with its log time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contract.errors import ConfigurationError
from contract.reading import Readings


class EntryKind(StrEnum):
    """What an entry of a log holds."""

    READINGS = "readings"
    """Telemetry log: an Arrow IPC stream of readings."""
    TICK = "tick"
    """Telemetry log: only the time, once a second, so that silence is heard, and the troubles of ingest.
    Alerts log: the same, where nothing else says that what waits for the time is due."""
    MISTIMED = "mistimed"
    """Telemetry log: an Arrow IPC stream of readings that were refused for their time: they are kept in
    quarantine alone, and here they are a sign of life and of a clock."""
    DEAF = "deaf"
    """Telemetry log: a tick of an ingest that has lost its broker; no device can be heard."""
    REJECTED = "rejected"
    """Quarantine log: a MessagePack list of `contract.rejected.Rejected`."""
    TRANSITION = "transition"
    """Alerts log: a MessagePack list of `contract.alert.Transition`."""
    ACTION = "action"
    """Alerts log: one MessagePack `contract.alert.Action`."""
    INCIDENT_ACTION = "incident_action"
    """Alerts log: one MessagePack `contract.incident.IncidentAction`."""
    NOTICE_ANSWER = "notice_answer"
    """Alerts log: one MessagePack `contract.routing.notice.NoticeAnswer`."""
    EXERCISE = "exercise"
    """Alerts log: one MessagePack `contract.incident.Exercise`."""
    OUTSIDE = "outside"
    """Alerts log: a MessagePack list of `contract.alert.OutsideReport`."""
    SILENCE = "silence"
    """Alerts log: one MessagePack `contract.routing.silence.SilenceWord`."""
    SWAP = "swap"
    """Alerts log: one MessagePack `contract.routing.swap.SwapWord`."""


class Trouble(StrEnum):
    """What ingest tells with its ticks of its broker; each is the name of a `system` rule."""

    SESSION_LOST = "session_lost"
    """The broker forgot the session in which it kept messages for ingest."""
    BROKER_REFUSES = "broker_refuses"
    """The broker refused something by itself: ingest never sees it."""
    STRAY_TOPICS = "stray_topics"
    """Something came on a topic that fits nothing; quarantine has it."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as the log keeps it."""

    seq: int
    """Position in its log: 1, 2, 3 … without gaps."""
    kind: EntryKind
    at_us: int
    """Log time of the append, µs since 1970."""
    count: int
    """Readings in the entry as counted by the appender; 0 for what no table of readings gets."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class ReadingsEntry:
    """Readings that arrived together."""

    at_us: int
    readings: Readings


@dataclass(frozen=True, slots=True)
class MistimedEntry:
    """Readings that arrived together and were refused for their time alone: not stored, but heard."""

    at_us: int
    readings: Readings


@dataclass(frozen=True, slots=True)
class TickEntry:
    """Time went on."""

    at_us: int
    hears: bool = True
    """False for a tick of an ingest that has lost its broker."""
    troubles: tuple[Trouble, ...] = ()
    """What else ingest has to say of its broker, mostly nothing."""


Entry = ReadingsEntry | MistimedEntry | TickEntry

QUARANTINE_LOG: Final = "quarantine"
ALERTS_LOG: Final = "alerts"
DEFAULT_PARTITIONS: Final = 4
"""Telemetry logs where nobody says otherwise: chosen, a city's readings need one core, and more may come."""
MAX_PARTITIONS: Final = 64
"""Telemetry logs at most: chosen, for each costs ticks, snapshots and a lease of its own."""


def check_partitions(partitions: int, ingests: int = 1) -> None:
    """Refuse a number of partitions that cannot be, or that some ingests cannot share evenly.

    Raises:
        ConfigurationError: partitions are not 1 to `MAX_PARTITIONS`, or the ingests do not divide them.
    """
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise ConfigurationError(f"partitions is {partitions}; it must be 1 to {MAX_PARTITIONS}")
    if partitions % ingests:
        raise ConfigurationError(
            f"{ingests} ingest processes cannot share {partitions} partitions evenly: "
            "take a number that divides them"
        )


def telemetry_log(partition: int) -> str:
    """Return the name of a partition's telemetry log, such as `telemetry-0`."""
    return f"telemetry-{partition}"
