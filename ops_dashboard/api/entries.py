"""Entries of the alerts log that operators and programs make over HTTP."""

import uuid

from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import InfrastructureError
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal
from ops_dashboard.services import Services


async def append_entry(
    services: Services,
    kind: EntryKind,
    payload: bytes,
    at_us: int,
    message_id: str,
    refusal: type[Refusal] = Refusal,
) -> None:
    """Append an entry; its owner folds it, and what comes of it is on the push.

    Args:
        services: With the log.
        kind: Of the entry.
        payload: The encoded word.
        at_us: Log time at which it was said.
        message_id: By which the log knows a repetition.
        refusal: What the caller's clients read where it cannot be kept.

    Raises:
        Refusal: the log does not answer.
    """
    try:
        await services.log.append(ALERTS_LOG, kind, payload, at_us=at_us, message_id=message_id)
    except InfrastructureError:
        raise refusal(503, "log_unavailable") from None


async def keep_entry(kind: EntryKind, payload: bytes, subject: str, at_us: int, services: Services) -> None:
    """Append what somebody says of a thing that is wanted for a while, and put it on record.

    Raises:
        Refusal: the log does not answer.
    """
    on_record(subject=subject)
    await append_entry(services, kind, payload, at_us, str(uuid.uuid4()))
