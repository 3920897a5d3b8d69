"""The swaps of duty of a running system: read from its tables, changed by entries of its alerts log."""

import uuid
from typing import Final

import typer

from alerting.routing.swaps import SwapComplaint, settled, swap_named, with_swaps
from bus.codec import encode_swap_word
from config.files import shipped_texts
from contract.entry import ALERTS_LOG, EntryKind
from contract.errors import ConfigurationError, EduopsError
from contract.routing.route import Routing
from contract.routing.swap import MOST_IN_FORCE, Swap, SwapEnded, SwapFault, SwapSet, SwapWord
from contract.texts import Language
from eduops.connections import database_url, open_log
from eduops.machine.attach import attach
from eduops.settings import Settings
from eduops.verbs.people.running import operator
from storage.database import connect
from storage.duty.swaps import swaps_since
from storage.people.audit import add_audit

NAME: Final = "oncall"


async def known_swaps(settings: Settings, ended_us: int) -> list[Swap] | None:
    """Return the swaps that end after a moment, µs since 1970; None, and say so, if nobody can be asked."""
    try:
        return await _swaps(attach(settings), ended_us)
    except EduopsError as error:
        typer.echo(f"swaps of duty are left out, nobody can be asked of them: {error}", err=True)
        return None


async def swapped_routing(settings: Settings, routing: Routing, ended_us: int) -> Routing:
    """Return routes with the swaps of the running system, if one runs."""
    return with_swaps(routing, await known_swaps(settings, ended_us) or ())


async def add_swap(settings: Settings, wanted: Swap, routing: Routing, *, has_end: bool) -> Swap:
    """Append the word that swaps duty; return the swap as it was made.

    Raises:
        ConfigurationError: it may not be, or there are too many.
    """
    found = settled(wanted, routing, has_end=has_end)
    if isinstance(found, SwapComplaint):
        raise ConfigurationError(_sentence(found))
    others = await _swaps(settings, found.created_at_us)
    if len(others) >= MOST_IN_FORCE:
        raise ConfigurationError(_sentence(SwapComplaint(SwapFault.TOO_MANY, {"n": len(others)})))
    await _say(settings, SwapSet(found), found.created_at_us)
    return found


async def end_swap(settings: Settings, swap_id: str, now_us: int) -> None:
    """Append the word that ends a swap.

    Raises:
        ConfigurationError: it does not exist, or is over.
    """
    if all(swap.swap_id != swap_id for swap in await _swaps(settings, now_us)):
        raise ConfigurationError(
            f"no swap that holds or is to come has the id {swap_id!r}; `eduops oncall` shows all"
        )
    await _say(settings, SwapEnded(swap_id, operator(), now_us), now_us)


async def _swaps(settings: Settings, ended_us: int) -> list[Swap]:
    async with await connect(database_url(settings)) as conn:
        return await swaps_since(conn, ended_us)


async def _say(settings: Settings, word: SwapWord, at_us: int) -> None:
    async with open_log(settings, NAME) as log:
        payload = encode_swap_word(word)
        await log.append(ALERTS_LOG, EntryKind.SWAP, payload, at_us=at_us, message_id=str(uuid.uuid4()))
    action = "oncall end" if isinstance(word, SwapEnded) else "oncall swap"
    async with await connect(database_url(settings)) as conn:
        await add_audit(conn, actor=operator(), grade="command line", action=action, subject=swap_named(word))


def _sentence(complaint: SwapComplaint) -> str:
    return shipped_texts().say(f"error.swap_{complaint.fault.value}", Language.EN, **complaint.values)
