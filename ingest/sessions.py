"""The sessions of one ingest: its own, those of slices that are no more, those of former names."""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence

from bus.mqtt import IngestSession, Subscription
from bus.mqtt_store import MqttStore
from contract.fleet import Fleet
from contract.topic import PRIVATE_STREAMS
from ingest.config import KEY_DIGITS, GatewayConfig
from ingest.retire import Retiring
from ingest.slices import (
    SLICE_PREFIX,
    Slicing,
    inherited_slices,
    inherited_subscription,
    session_name,
    stray_session_name,
    stray_subscription,
    subscription_of,
)


def own_name(config: GatewayConfig) -> str:
    """Return the client id of this ingest's slice."""
    if _hears_all(config):
        return stray_session_name(config.client_id)
    return session_name(config.client_id, config.slicing, config.slice_index, config.slice_count)


def open_session(config: GatewayConfig, fleet: Fleet, *, known: bool = False) -> IngestSession:
    """Return the session of this ingest's slice; it connects when it is entered."""
    index, count = config.slice_index, config.slice_count
    if _hears_all(config):
        subscription = stray_subscription(config.slicing)
    else:
        subscription = subscription_of(config.slicing, fleet, config.partitions, index, count)
    return _session(config, own_name(config), subscription, known=known)


def _hears_all(config: GatewayConfig) -> bool:
    return config.strays and config.slice_count == 1


def inherited_sessions(config: GatewayConfig, subjects: Sequence[str]) -> list[IngestSession]:
    """Return the sessions of slices that are no more, of which this ingest drains what they keep."""
    if config.slicing is not Slicing.MAPPED:
        return []
    slices = inherited_slices(subjects, config.slice_index, config.slice_count)
    return [
        _session(
            config, session_name(config.client_id, config.slicing, old, old + 1), inherited_subscription(old)
        )
        for old in slices
    ]


def former_sessions(
    config: GatewayConfig, store: MqttStore, subjects: Sequence[str], hearing: Sequence[str]
) -> Retiring:
    """Return what drains and ends the sessions that this ingest once had under other names.

    Args:
        config: Its settings.
        store: What the broker keeps.
        subjects: What the broker's sessions hear.
        hearing: The client ids of those sessions.
    """
    index, count = config.slice_index, config.slice_count
    found: list[str] = []
    for name in (config.client_id, *_former_names(config, hearing)):
        if index == 0:
            found.append(stray_session_name(name))
        found.append(session_name(name, config.slicing, index, count))
        if name != config.client_id:
            old = inherited_slices(subjects, index, count)
            found += [session_name(name, config.slicing, slice_, slice_ + 1) for slice_ in old]
    own = own_name(config)
    return Retiring(store, config, own, [name for name in found if name != own])


def _former_names(config: GatewayConfig, hearing: Sequence[str]) -> list[str]:
    """Return how client ids began before: the plain name, and those keyed by another password."""
    plain = config.former_client_id
    if plain is None:
        return []
    keyed = re.compile(rf"({re.escape(plain)}-[0-9a-f]{{{KEY_DIGITS}}})(-.*)?")
    names = {match[1] for client_id in hearing if (match := keyed.fullmatch(client_id))}
    return [plain, *sorted(names - {config.client_id})]


def _session(
    config: GatewayConfig, client_id: str, subscription: Subscription, *, known: bool = False
) -> IngestSession:
    return IngestSession(
        config.mqtt_host,
        config.mqtt_port,
        client_id=client_id,
        user=config.mqtt_user,
        password=config.mqtt_password,
        others=config.mqtt_others,
        subscription=subscription,
        known=known,
        trust=config.mqtt_trust,
    )


def eraser_of(config: GatewayConfig, store: MqttStore) -> Callable[[str, Collection[bytes]], Awaitable[None]]:
    """Return what makes the broker erase what it keeps of a topic of this ingest.

    Where a pack may speak of pupils, what the session still keeps is erased too: once acknowledged its
    bytes would stay on disk until the server drops the file.
    """
    sliced = config.slicing is Slicing.MAPPED and config.slice_count > 1
    prefix = f"{SLICE_PREFIX}{config.slice_index}/" if sliced else ""

    async def erase(topic: str, payloads: Collection[bytes]) -> None:
        await store.erase_retained(f"{prefix}{topic}")
        if topic.rpartition("/")[2] in PRIVATE_STREAMS:
            await store.erase_messages(f"{prefix}{topic}", payloads)

    return erase
