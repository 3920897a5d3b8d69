"""Silences: of what nobody is told for a while, by hand, by a maintenance, on the school calendar.

A silence stops the making of notices, never detection, recording, or a resolution that is owed.
"""

from enum import StrEnum
from typing import Final

import msgspec

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
LONGEST_US: Final = 30 * DAY_US
"""Longest silence at a stretch, µs: chosen, what is muted for longer is nobody's any more; say so again."""
LONGEST_RECURRING_US: Final = 400 * DAY_US
"""Longest time over which a silence recurs, µs: chosen, each is looked at anew once a school year."""
FARTHEST_US: Final = 400 * DAY_US
"""So far ahead a silence may begin, µs: chosen, as far as a school calendar is known."""
MOST_MATCHERS: Final = 20
MOST_IN_FORCE: Final = 500
"""Silences that may be in force or to come at once: chosen, ten times what anybody oversees."""
LABEL_PATTERN: Final = r"[a-zA-Z_][a-zA-Z0-9_]{0,63}"
"""Name of a label. Source: Prometheus, data model; its length is chosen."""
MOST_VALUE: Final = 256
"""Characters of a matcher's value: chosen, no name here is longer."""
MOST_EXCEPTIONS: Final = 400
"""Occurrences that may be left out by name: all of them."""
MOST_OWNER: Final = 80
MOST_REASON: Final = 500


class SilenceKind(StrEnum):
    """Why nobody is told; each has texts in texts.toml."""

    SILENCE = "silence"
    """Somebody does not want to hear of it for a while."""
    MAINTENANCE = "maintenance"
    """Somebody works on it, as was announced."""


class SilenceState(StrEnum):
    """Whether a silence mutes at a moment. Source: Alertmanager, api/v2/openapi.yaml, `silenceStatus`."""

    ACTIVE = "active"
    PENDING = "pending"
    """It has yet to begin, or is between two occurrences."""
    EXPIRED = "expired"


class SilenceFault(StrEnum):
    """Why a silence that somebody wants is refused; each has a text `error.silence_…` in texts.toml."""

    NO_OWNER = "no_owner"
    NO_REASON = "no_reason"
    NO_END = "no_end"
    NO_MATCHER = "no_matcher"
    MATCHES_ALL = "matches_all"
    """It would mute everything: every matcher holds of an alert without any label."""
    TOO_MANY_MATCHERS = "too_many_matchers"
    CONTROL_CHARACTER = "control_character"
    TOO_LONG_TEXT = "too_long_text"
    BAD_LABEL = "bad_label"
    BAD_PATTERN = "bad_pattern"
    BAD_ZONE = "bad_zone"
    BAD_RULE = "bad_rule"
    BAD_FREQUENCY = "bad_frequency"
    BAD_PART = "bad_part"
    BAD_DURATION = "bad_duration"
    TOO_MANY_EXCEPTIONS = "too_many_exceptions"
    ENDS_BEFORE = "ends_before"
    """It ends before it begins."""
    IS_OVER = "is_over"
    TOO_LONG = "too_long"
    RECURS_TOO_LONG = "recurs_too_long"
    TOO_FAR = "too_far"
    NO_OCCURRENCE = "no_occurrence"
    TOO_MANY = "too_many"
    """`MOST_IN_FORCE` others are not over."""


class SilenceMatcher(msgspec.Struct, frozen=True):
    """One condition on the labels of an alert; a label that it does not have is the empty text.

    Source: Alertmanager, api/v2/openapi.yaml, `matcher`.
    """

    name: str
    """Name of the label (`alerting.silences.labels`)."""
    value: str
    """What it must be; of several names of one thing, such as code and name of a school, any."""
    is_regex: bool = False
    """Whether `value` is a pattern, in RE2's syntax, for the whole of the label."""
    is_equal: bool = True
    """False for a condition that must not hold."""

    def __str__(self) -> str:
        sign = ("=" if self.is_equal else "!") + ("~" if self.is_regex else "=" if not self.is_equal else "")
        value = self.value.replace("\\", r"\\").replace('"', r"\"")
        return f'{self.name}{sign}"{value}"'


class Recurrence(msgspec.Struct, frozen=True):
    """When a silence recurs, in the words of RFC 5545 and by the school calendar."""

    rrule: str
    """An RRULE such as `FREQ=WEEKLY;BYDAY=SU`; the silence's `from_us` is its DTSTART."""
    duration_us: int
    """Of each occurrence, µs."""
    timezone: str
    """IANA name of the zone in whose days and hours it recurs."""
    except_us: tuple[int, ...] = ()
    """Beginnings of occurrences that are left out (EXDATE), µs since 1970, in order."""
    only_school_days: bool = False
    """Only on local days on which a school of any level is open."""
    not_in_exam: bool = False
    """Not in weeks, Monday to Sunday, that have an exam day."""


class Silence(msgspec.Struct, frozen=True):
    """A silence as it stands; all times are log time."""

    silence_id: str
    """A UUID; it never changes and is never given again."""
    kind: SilenceKind
    matchers: tuple[SilenceMatcher, ...]
    """All must hold; at least one."""
    from_us: int
    """When it begins, µs since 1970; Alertmanager's `startsAt`."""
    until_us: int
    """When it ends by itself, µs since 1970; Alertmanager's `endsAt`. Where it recurs: the end of the last
    occurrence, or the day on which somebody has to look at it anew."""
    owner: str
    """Who wants it, at most `MOST_OWNER` characters; Alertmanager's `createdBy`."""
    reason: str
    """At most `MOST_REASON` characters; Alertmanager's `comment`."""
    created_at_us: int
    recurrence: Recurrence | None = None
    """None for one stretch from `from_us` to `until_us`."""
    uid: str = ""
    """The UID of the calendar event that announced it; empty for one that was made by hand."""
    ended_at_us: int | None = None
    """When somebody ended it before its time; else None."""
    ended_by: str | None = None
    replaced_by: str | None = None
    """Id of the changed one that it made way for; else None."""

    @property
    def end_us(self) -> int:
        """When it is over, µs since 1970."""
        return self.until_us if self.ended_at_us is None else min(self.until_us, self.ended_at_us)


class SilenceSet(msgspec.Struct, frozen=True, tag_field="said", tag="set"):
    """Somebody wants a silence; the first word about an id counts."""

    silence: Silence
    """Not ended; its `created_at_us` is the time of the word."""
    replaces: str = ""
    """Id of the silence that ends now, because this one is in its place; else empty."""


class SilenceEnded(msgspec.Struct, frozen=True, tag_field="said", tag="ended"):
    """Somebody ends a silence now; of one that is over it changes nothing."""

    silence_id: str
    actor: str
    at_us: int


SilenceWord = SilenceSet | SilenceEnded
"""What an entry of the alerts log says of a silence."""
