"""The fold of what is said of silences; that time ends them needs no word."""

from collections.abc import MutableMapping

from msgspec.structs import replace

from contract.routing.silence import Silence, SilenceEnded, SilenceWord


def hear_silence(known: MutableMapping[str, Silence], word: SilenceWord) -> list[Silence]:
    """Count a word, once however often it comes; return every silence that it changed, as it stands.

    Args:
        known: all silences that the word names and that there are, by id, over or not; kept up to date.
        word: what an entry of the alerts log says.
    """
    if isinstance(word, SilenceEnded):
        changed = [_ended(known.get(word.silence_id), word.at_us, word.actor)]
    elif word.silence.silence_id in known:
        return []
    else:
        made = word.silence
        old = _ended(known.get(word.replaces), made.created_at_us, made.owner, made.silence_id)
        changed = [made, old]
    found = [silence for silence in changed if silence is not None]
    known.update({silence.silence_id: silence for silence in found})
    return found


def silences_named(word: SilenceWord) -> set[str]:
    """Return the ids of all silences that a word names."""
    if isinstance(word, SilenceEnded):
        return {word.silence_id}
    return {word.silence.silence_id} | ({word.replaces} if word.replaces else set())


def _ended(silence: Silence | None, at_us: int, actor: str, replaced_by: str | None = None) -> Silence | None:
    """Return a silence that ends at a moment; None if there is none, or none yet, or it was over by then."""
    if silence is None or not silence.created_at_us <= at_us < silence.end_us:
        return None
    return replace(silence, ended_at_us=at_us, ended_by=actor, replaced_by=replaced_by)
