"""Swaps of duty over routes.toml: who may want which, what is said of them, and what they make of a rota."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import NamedTuple

from msgspec.structs import replace

from alerting.ending import ended
from contract.routing.contact import Person, Rota, RotaOverride
from contract.routing.route import Routing
from contract.routing.silence import DAY_US
from contract.routing.swap import (
    FARTHEST_US,
    MOST_REASON,
    Swap,
    SwapEnded,
    SwapFault,
    SwapState,
    SwapWord,
)
from contract.toml.tables import unseen_character


class SwapComplaint(NamedTuple):
    """Why a swap is refused, and the values of its sentence."""

    fault: SwapFault
    values: Mapping[str, object] = {}


def with_swaps(routing: Routing, swaps: Iterable[Swap]) -> Routing:
    """Return routes whose rotas say who is on duty by the file and by swaps.

    A swap goes before the layers and overrides of the file, and one that was made later before an earlier
    one. One of a rota or a person that the file does not have does nothing.
    """
    made: dict[str, list[RotaOverride]] = {}
    for swap in sorted(swaps, key=lambda s: (s.created_at_us, s.swap_id), reverse=True):
        if swap.from_us < swap.end_us and is_known(swap, routing):
            instead = RotaOverride(swap.person, swap.from_us, swap.end_us, None, swap.actor)
            made.setdefault(swap.rota, []).append(instead)
    if not made:
        return routing
    contacts = dict(routing.contacts)
    for name, overrides in made.items():
        rota = contacts[name]
        if isinstance(rota, Rota):
            contacts[name] = replace(rota, overrides=(*overrides, *rota.overrides))
    return dataclasses.replace(routing, contacts=contacts)


def is_known(swap: Swap, routing: Routing) -> bool:
    """Return whether routes.toml has the rota and the person."""
    known = routing.contacts
    return isinstance(known.get(swap.rota), Rota) and isinstance(known.get(swap.person), Person)


def state_of(swap: Swap, routing: Routing, at_us: int) -> SwapState:
    """Return what a swap does at a moment."""
    if at_us >= swap.end_us:
        return SwapState.OVER
    if not is_known(swap, routing):
        return SwapState.LOST
    return SwapState.ACTIVE if swap.from_us <= at_us else SwapState.PENDING


def hear_swap(known: MutableMapping[str, Swap], word: SwapWord) -> Swap | None:
    """Count a word, once however often it comes; return the swap that it changed, as it stands.

    Args:
        known: the swap that the word names, by id, over or not, if there is one; kept up to date.
        word: what an entry of the alerts log says.
    """
    if isinstance(word, SwapEnded):
        changed = ended(known.get(word.swap_id), word.at_us, word.actor)
    else:
        changed = None if word.swap.swap_id in known else word.swap
    if changed is not None:
        known[changed.swap_id] = changed
    return changed


def swap_named(word: SwapWord) -> str:
    """Return the id of the swap that a word names."""
    return word.swap_id if isinstance(word, SwapEnded) else word.swap.swap_id


def settled(swap: Swap, routing: Routing, *, has_end: bool = True) -> Swap | SwapComplaint:
    """Return a swap that is wanted, or why it may not be; one from the past begins now.

    Args:
        swap: as it is wanted, made now: `created_at_us` is the time.
        routing: of the file that is in force.
        has_end: False where nobody said an end.
    """
    begins = replace(swap, from_us=max(swap.from_us, swap.created_at_us))
    return next(_complaints(begins, routing, has_end), begins)


def _complaints(swap: Swap, routing: Routing, has_end: bool) -> Iterator[SwapComplaint]:
    contacts = routing.contacts
    for fault, name, kind in (
        (SwapFault.NO_ROTA, swap.rota, Rota),
        (SwapFault.NO_PERSON, swap.person, Person),
    ):
        if not isinstance(contacts.get(name), kind):
            known = ", ".join(one.name for one in contacts.values() if isinstance(one, kind)) or "–"
            yield SwapComplaint(fault, {"known": known})
    if not swap.reason.strip():
        yield SwapComplaint(SwapFault.NO_REASON)
    if unseen_character(swap.reason):
        yield SwapComplaint(SwapFault.UNSEEN_CHARACTER)
    if len(swap.reason) > MOST_REASON:
        yield SwapComplaint(SwapFault.TOO_LONG_TEXT, {"n": len(swap.reason), "most": MOST_REASON})
    if not has_end:
        yield SwapComplaint(SwapFault.NO_END)
    if swap.until_us <= swap.created_at_us:
        yield SwapComplaint(SwapFault.IS_OVER)
    if swap.until_us <= swap.from_us:
        yield SwapComplaint(SwapFault.ENDS_BEFORE)
    if swap.until_us > swap.created_at_us + FARTHEST_US:
        yield SwapComplaint(SwapFault.TOO_FAR, {"days": FARTHEST_US // DAY_US})
