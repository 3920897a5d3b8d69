"""Bad input is a value: what was refused, why, and what the sender should change."""

from enum import StrEnum

import msgspec

from contract.texts import Language, Texts, write_number


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


class RefusalDetail(StrEnum):
    """What exactly was wrong; each has a text `refused.…` with places for names and numbers."""

    TOO_LARGE = "too_large"
    TOPIC_FORM = "topic_form"
    NO_SCHOOL = "no_school"
    NO_DEVICE = "no_device"
    NOT_ITS_STREAM = "not_its_stream"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    TWICE = "twice"
    NOT_A_PACK = "not_a_pack"
    EMPTY_PACK = "empty_pack"
    NOT_A_STATUS = "not_a_status"
    VERSION_NOT_WHOLE = "version_not_whole"
    VERSION_LATER = "version_later"
    VERSIONS_DIFFER = "versions_differ"
    FIELD_UNMET = "field_unmet"
    FIELD_TYPE = "field_type"
    FIELD_NOT_ALLOWED = "field_not_allowed"
    SEVERAL_VALUES = "several_values"
    BAD_NAME = "bad_name"
    OTHER_DEVICE = "other_device"
    NOT_FINITE = "not_finite"
    SUM_NOT_FINITE = "sum_not_finite"
    NO_NUMBER = "no_number"
    NO_TRUTH = "no_truth"
    NO_MEASUREMENT = "no_measurement"
    NO_VALUE = "no_value"
    SUM_ALONE = "sum_alone"
    NO_ONLINE = "no_online"
    NO_METRIC = "no_metric"
    OTHER_UNIT = "other_unit"
    NOT_WITHIN = "not_within"
    NOT_WHOLE = "not_whole"
    TOO_MANY = "too_many"
    MORE_THAN = "more_than"
    OTHER_RATIO = "other_ratio"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"
    UPTIME = "uptime"
    CLOCK_NEVER_SET = "clock_never_set"
    AHEAD = "ahead"
    BEHIND = "behind"


class _Detail(msgspec.Struct, frozen=True):
    code: RefusalDetail
    values: dict[str, str | int]


def write_detail(code: RefusalDetail, **values: str | int) -> str:
    """Return a detail as it is kept: its code, and what fills the places of its text.

    Args:
        code: what was wrong.
        values: names, and figures as they were sent, as text; counts as numbers, which are written as the
            reader's language does. A measured value follows the name of its metric: `contract.privacy`
            finds it so.
    """
    return msgspec.json.encode(_Detail(code, values)).decode()


def detail_words(detail: str, texts: Texts, language: Language) -> str:
    """Return a detail in the reader's words; one of before codes were kept stays as it was written."""
    if not detail.startswith("{"):
        return detail
    try:
        kept = msgspec.json.decode(detail, type=_Detail)
    except msgspec.DecodeError:  # of a later version
        return detail
    values = {k: write_number(v, language) if isinstance(v, int) else v for k, v in kept.values.items()}
    return texts.say(f"refused.{kept.code.value}", language, **values)


class Rejected(msgspec.Struct, frozen=True):
    """One refused reading, or one refused message counted as one reading."""

    reason: Reason
    topic: str
    """The topic as received, at most 256 characters, control characters replaced."""
    detail: str
    """As `write_detail` keeps it: names and numbers only, never free text from the payload: it could speak of
    a person."""
    at_us: int
    """When ingest received it (log clock, µs since 1970)."""
    payload_bytes: int
    """Size of the message it came in."""
    excerpt: str = ""
    """The payload with all text and unknown fields' values blanked; empty if it could not be
    parsed, and after the first few refusals of one message."""
