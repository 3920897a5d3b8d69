"""Whether the broker is well: what it keeps, whom it refuses, which topics nobody hears."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from bus.mqtt_store import MESSAGES, RELEASES, RETAINED, SESSIONS, UNRELEASED, StreamUse
from contract.rejected import Reason
from eduops.connections import database_url, open_log
from eduops.data_folder import DataFolder
from eduops.machine.refusals import read_refusals
from eduops.settings import Settings
from eduops.verbs.devices.tables import told_troubles, troubled
from eduops.verbs.doctor.checked import Checked
from storage.database import connect
from storage.wall import quarantine_page

MOST_REFUSED: Final = 5
"""Refused clients, and topics that fit nothing, of which doctor tells: those refused most often."""
DAY_US: Final = 86_400_000_000
STRAYS_READ: Final = 1000
"""Of the newest refusals; enough to tell who is refused most."""
MOST_FULL: Final = 0.8
"""A store of the broker that is fuller than this is told while there is time."""
KEPT: Final = {
    SESSIONS: "clients",
    RETAINED: "retained messages",
    UNRELEASED: "messages of QoS 2 that are not released",
    RELEASES: "releases of messages of QoS 2",
}


def refusals(settings: Settings) -> list[Checked]:
    """Say whom the broker refused by itself in the last day: of that ingest and quarantine know nothing."""
    found = read_refusals(DataFolder(settings.data).logs, datetime.now(UTC) - timedelta(days=1))
    return [
        Checked(False, f"the broker refused {client or 'a client without a name'} {count:,} times: it {why}")
        for (client, why), count in found.most_common(MOST_REFUSED)
    ]


async def broker_store(settings: Settings) -> list[Checked]:
    """Look whether what the broker keeps has a limit, for a full disk shuts ingest out, and who fills it."""
    if settings.mqtt_broker != "nats":
        return []
    async with open_log(settings, "doctor") as log:
        held = await log.mqtt_store.held()
        if not held:
            return [Checked(False, "the broker has not seen an MQTT session yet: is ingest running?")]
        is_full = any(one.stream == MESSAGES and one.fullness >= MOST_FULL for one in held)
        senders = await log.mqtt_store.fullest(MOST_REFUSED) if is_full else []
    named = ", ".join(f"{name!a} ({count:,})" for name, count in senders)
    why = [Checked(False, f"most of what waits is of {named}; `eduops device revoke` ends one")] * is_full
    return [*(describe_held(stream) for stream in held), *why]


def describe_held(held: StreamUse) -> Checked:
    """Judge what the broker keeps in one of its streams: it has a limit, and is not near it."""
    if not held.is_limited:
        return Checked(
            False, f"the broker's {held.stream} is not limited; start ingest anew, which limits it"
        )
    if held.stream == MESSAGES:
        most = f"the broker keeps at most {held.max_bytes / 1024**3:.1f} GiB for ingest ({MESSAGES})"
        return _filled(most, held, "see that ingest runs")
    most = f"{held.max_messages:,}" if held.max_messages > 0 else f"{held.max_bytes / 1024**2:.0f} MiB"
    sentence = f"the broker keeps {held.messages:,} {KEPT[held.stream]}, {held.bytes / 1024**2:.1f} MiB"
    is_free = max(held.max_messages, held.max_bytes) < 0
    told = f"{sentence}, without a limit, as in a cluster" if is_free else f"{sentence}; at most {most}"
    return _filled(f"{told} ({held.stream})", held, "`eduops broker clear` shows what can go")


def _filled(sentence: str, held: StreamUse, otherwise: str) -> Checked:
    if held.fullness < MOST_FULL:
        return Checked(True, sentence)
    return Checked(False, f"{sentence}, and is {held.fullness:.0%} full: {otherwise}")


async def strays(settings: Settings, real_us: int) -> list[Checked]:
    """Name the topics of the last day that fit nothing: a device that nobody hears."""
    async with await connect(database_url(settings)) as connection:
        rows = await quarantine_page(connection, STRAYS_READ, None, Reason.BAD_TOPIC)
    since_us = settings.clock.log_us(real_us) - DAY_US
    topics = Counter(row.rejected.topic for row in rows if row.rejected.at_us >= since_us)
    return [
        Checked(False, f"{count:,} messages of the last day came on {topic!a}, which is no topic of ours")
        for topic, count in topics.most_common(MOST_REFUSED)
    ]


async def devices(settings: Settings) -> list[Checked]:
    """Tell whom the broker does not let in, and whose name is there twice."""
    found = await troubled(settings)
    is_quiet = not (found.refused or found.twice or found.gone)
    is_fine = not (found.twice or found.over_share)
    return [Checked(is_fine, "; ".join(told_troubles(found)), doubtful=not is_quiet)]
