"""The topic grammar `edu/v1/{province}/{school}/{device}/{stream}`.

Identity comes from the topic alone. Tokens are letters, digits, `_` and `-`, so that a topic is
also a NATS subject (a space in a topic closes the connection, a dot would split a token).
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

PREFIX: Final = "edu/v1"
ALL_TOPICS: Final = "edu/v1/#"
ANY_TOPIC: Final = "#"
"""Also what no grammar of ours knows; topics that begin with `$` are the broker's own (MQTT 3.1.1, 4.7.2)."""
BROKER_WINDOW: Final = 1024
"""Unacknowledged messages that the broker sends at most: `max_ack_pending` in its configuration."""
MAX_BATCH_MESSAGES: Final = BROKER_WINDOW // 2
"""Messages in a batch of ingest at most: at half of the broker's window the next ones come meanwhile."""
PAYLOAD_LIMITS: Final = (4096, 4 * 1024 * 1024)
"""Between these the size of messages may be limited, bytes: a pack of everything that a device measures
fits, and the broker takes twice as much (`max_payload`), so that it is ingest that says what is too large."""
_TOKEN: Final = r"[A-Za-z0-9_-]{1,48}"
_GRAMMAR: Final = re.compile(
    rf"edu/v1/(?P<province>{_TOKEN})/(?P<school>{_TOKEN})/(?P<device>{_TOKEN})/(?P<stream>[a-z]{{1,16}})"
)


class Stream(StrEnum):
    """What a message speaks of: the last token of its topic."""

    BANDWIDTH = "bandwidth"
    ATTENDANCE = "attendance"
    ELEARNING = "elearning"
    STATUS = "status"


PRIVATE_STREAMS: Final = frozenset({Stream.ATTENDANCE, Stream.ELEARNING})
"""Streams about pupils: a field that is not known is refused, and a metric that does not say how it may
be published stays closed (Law 91/2025/QH15: aggregates only)."""


class Topic(NamedTuple):
    """A well-formed topic."""

    province: str
    school: str
    device: str
    stream: Stream

    def __str__(self) -> str:
        return f"{PREFIX}/{self.province}/{self.school}/{self.device}/{self.stream}"


_STREAMS: Final = {stream.value: stream for stream in Stream}


def parse_topic(text: str) -> Topic | None:
    """Return the topic's parts, or None where the grammar does not hold."""
    match = _GRAMMAR.fullmatch(text)
    stream = _STREAMS.get(match["stream"]) if match else None
    if match is None or stream is None:
        return None
    return Topic(match["province"], match["school"], match["device"], stream)
