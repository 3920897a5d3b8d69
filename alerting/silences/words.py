"""The fold of what is said of silences; that time ends them needs no word."""

from collections.abc import MutableMapping

from msgspec.structs import replace

from alerting.ending import ended
from contract.routing.silence import Silence, SilenceEnded, SilenceWord


def hear_silence(known: MutableMapping[str, Silence], word: SilenceWord) -> list[Silence]:
    """Count a word, once however often it comes; return every silence that it changed, as it stands.

    Args:
        known: all silences that the word names and that there are, by id, over or not; kept up to date.
        word: what an entry of the alerts log says.
    """
    if isinstance(word, SilenceEnded):
        changed = [ended(known.get(word.silence_id), word.at_us, word.actor)]
    elif word.silence.silence_id in known:
        return []
    else:
        made = word.silence
        old = ended(known.get(word.replaces), made.created_at_us, made.owner)
        changed = [made, None if old is None else replace(old, replaced_by=made.silence_id)]
    found = [silence for silence in changed if silence is not None]
    known.update({silence.silence_id: silence for silence in found})
    return found


def silences_named(word: SilenceWord) -> set[str]:
    """Return the ids of all silences that a word names."""
    if isinstance(word, SilenceEnded):
        return {word.silence_id}
    return {word.silence.silence_id} | ({word.replaces} if word.replaces else set())
