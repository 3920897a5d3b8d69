"""Bad input is a value: what was refused, why, and what the sender should change."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why a message or a reading was refused; codes are stable, sentences are in the texts."""

    BAD_TOPIC = "bad_topic"
    OVERSIZED = "oversized"
    NOT_JSON = "not_json"
    NOT_SENML = "not_senml"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNKNOWN_SCHOOL = "unknown_school"
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_STREAM = "wrong_stream"
    IDENTITY_MISMATCH = "identity_mismatch"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_METRIC = "unknown_metric"
    WRONG_UNIT = "wrong_unit"
    NOT_A_NUMBER = "not_a_number"
    NO_VALUE = "no_value"
    OUT_OF_RANGE = "out_of_range"
    INCONSISTENT = "inconsistent"
    FUTURE_TIME = "future_time"
    TOO_OLD = "too_old"


class Rejected(msgspec.Struct, frozen=True):
    """One refused reading, or one refused message counted as one reading."""

    reason: Reason
    topic: str
    """The topic as received, at most 256 characters, control characters replaced."""
    detail: str
    """Names and numbers only, never free text from the payload: it could speak of a person."""
    at_us: int
    """When ingest received it (log clock, µs since 1970)."""
    payload_bytes: int
    """Size of the message it came in."""
    excerpt: str = ""
    """The payload with all text and unknown fields' values blanked; empty if it could not be
    parsed, and after the first few refusals of one message."""
