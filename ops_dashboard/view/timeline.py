"""The timeline of an incident in words (pure)."""

from typing import Final

from contract.incident import IncidentEvent, IncidentEventKind
from contract.texts import Language, Texts

BY_HAND: Final = {IncidentEventKind.OPENED: "split_off", IncidentEventKind.RESOLVED: "ended"}
"""Texts of what the fold does as well, where an engineer did it."""


def sentence(event: IncidentEvent, texts: Texts, language: Language) -> str:
    """Return what happened, without the words that an engineer added."""
    if event.not_done:
        return texts.say(
            "timeline.tried",
            language,
            actor=event.actor,
            deed=texts.say(f"deed.{event.tried}", language),
            why=texts.say(f"not_done.{event.not_done}", language),
        )
    if event.kind is IncidentEventKind.NOTIFIED:
        why = texts.say(f"told.{event.why}", language)
        return texts.say("timeline.notified", language, to=event.told, why=why)
    if event.kind is IncidentEventKind.HELD:
        key = "timeline.held" if event.told else "timeline.held_all"
        return texts.say(key, language, to=event.told, why=texts.say(f"held.{event.why}", language))
    kind = event.kind.value if not event.action_id else BY_HAND.get(event.kind, event.kind.value)
    return texts.say(
        f"timeline.{kind}",
        language,
        actor=event.actor,
        n=str(event.alerts),
        assignee=event.assignee,
        because=texts.say(f"because.{event.because}", language) if event.because else "",
    )
