"""How several ingests share the schools: what each one hears, so that no series is ever with two.

Overtaking is what changes results: a reading that arrives after a newer one of its series is stored
and not scored. So a school, and with it a whole partition of the log, belongs to one ingest, and
its messages go through one session in one order (docs/decisions/0014-ingest-slices.md).
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bus.mqtt import PROBE_TOPIC, Subscription
from contract.canary import canary_school
from contract.fleet import Fleet, partition_of
from contract.topic import ALL_TOPICS, ANY_TOPIC, PREFIX

_SLICE: Final = "slice"
"""Token in front of topics that nats-server maps by their school: `eduops.machine.servers.embedded_nats`."""
SLICE_PREFIX: Final = f"{_SLICE}/"
_SLICE_SUBJECT: Final = re.compile(rf"{_SLICE}\.(\d{{1,2}})\.")
"""How a subject of a slice begins."""


class Slicing(StrEnum):
    """How the broker divides the schools among ingests."""

    MAPPED = "mapped"
    """It puts the slice in front of each topic: nats-server, configured so."""
    BY_SCHOOL = "by_school"
    """It does nothing; each ingest asks for its own schools."""


def session_name(client_id: str, slicing: Slicing, index: int, count: int) -> str:
    """Return the client id of ingest `index` of `count`.

    Mapped slices keep their sessions when their number changes. Sessions that name their schools do
    not: another number is another set of sessions.
    """
    if count == 1:
        return client_id
    if slicing is Slicing.BY_SCHOOL:
        return f"{client_id}-{index}of{count}"
    return client_id if index == 0 else f"{client_id}-{index}"


def stray_session_name(client_id: str) -> str:
    """Return the client id of the one ingest that hears everything, strays included."""
    return f"{client_id}-all"


def stray_subscription(slicing: Slicing) -> Subscription:
    """Return what that ingest hears; where topics are mapped, what was retained of slices still comes."""
    return Subscription(filters=(ANY_TOPIC,), prefix=SLICE_PREFIX if slicing is Slicing.MAPPED else "")


def inherited_slices(subjects: Sequence[str], index: int, count: int) -> list[int]:
    """Return the slices that more ingests once had and that ingest `index` of `count` drains now.

    Their sessions still keep what came before there were fewer slices.

    Args:
        subjects: What the broker's sessions hear; see `MqttStore.subjects`.
        index: Which ingest asks, from 0.
        count: Ingests now.
    """
    known = {int(found[1]) for subject in subjects if (found := _SLICE_SUBJECT.match(subject))}
    return sorted(old for old in known if old >= count and old % count == index)


def inherited_subscription(old: int) -> Subscription:
    """Return what the session of a slice that is no more hears: nothing new, but what it keeps."""
    own = f"{_SLICE}/{old}/"
    return Subscription(filters=(f"{own}{ALL_TOPICS}",), proof=own, prefix=SLICE_PREFIX)


def subscription_of(slicing: Slicing, fleet: Fleet, partitions: int, index: int, count: int) -> Subscription:
    """Return what ingest `index` of `count` hears; `count` divides `partitions`."""
    if slicing is Slicing.MAPPED:
        return _mapped_slice(index, count)
    if count == 1:
        return Subscription()
    return _schools_slice(fleet, partitions, index, count)


def _mapped_slice(index: int, count: int) -> Subscription:
    """Return what ingest `index` of `count` hears where the broker maps topics to slices.

    The first one also hears the topics that the mapping does not know: they are refused with a reason.
    """
    if count == 1:  # the session may still keep messages from when there were more
        return Subscription(prefix=SLICE_PREFIX)
    own = f"{_SLICE}/{index}/"
    return Subscription(
        filters=(*([ALL_TOPICS] if index == 0 else []), f"{own}{ALL_TOPICS}"),
        probe=f"{PROBE_TOPIC}/{canary_school(index, count)}/probe/probe",
        proof=own,
        prefix=SLICE_PREFIX,
    )


def _schools_slice(fleet: Fleet, partitions: int, index: int, count: int) -> Subscription:
    """Return what ingest `index` of `count` hears where the broker maps nothing: a filter a school.

    The last filter names the fleet and the slice, so that a session which heard another choice of
    schools is found out. Topics of schools that the fleet does not have are heard by nobody.
    """
    canaries = {canary_school(p, partitions): p for p in range(index, partitions, count)}
    own = [s.code for s in fleet.schools if partition_of(s.code, partitions) % count == index]
    layout = f"layout-{fleet.version}-{index}-{count}"
    probe = f"{PROBE_TOPIC}/{layout}"
    return Subscription(
        filters=(*(f"{PREFIX}/+/{code}/#" for code in [*canaries, *own]), f"{PREFIX}/+/{layout}"),
        probe=probe,
        proof=probe,
    )
