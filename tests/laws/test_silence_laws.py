"""Laws of silences in the alerts log: words count once, however the log is cut, and time ends the rest."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.routing.silence import Silence, SilenceEnded, SilenceSet
from tests.incident_log import MINUTE_US, SECOND_US, Desk, LogEntry, folded
from tests.silence_words import silence, wanted

BEGAN_US = 1_795_399_200_000_000
NAMES = ("a", "b", "c", "d")
few = settings(deadline=None, max_examples=60)


@st.composite
def words(draw: st.DrawFn) -> list[LogEntry]:
    """Return an alerts log of words about four silences by log time, several about one, in any order."""
    entries = []
    for number in range(draw(st.integers(1, 10))):
        at_us = BEGAN_US + draw(st.integers(0, 40)) * MINUTE_US + number
        name = draw(st.sampled_from(NAMES))
        if draw(st.booleans()):
            from_us = at_us + draw(st.integers(-10, 30)) * MINUTE_US
            until_us = max(from_us, at_us) + draw(st.integers(1, 40)) * MINUTE_US
            made = silence(name, from_us, until_us, created_at_us=at_us)
            entries.append(wanted(made, draw(st.sampled_from(("", *NAMES)))))
        else:
            entries.append(LogEntry(at_us, SilenceEnded(name, "Minh", at_us)))
    ticks = draw(st.lists(st.integers(0, 90), max_size=5))
    entries += [LogEntry(BEGAN_US + tick * MINUTE_US) for tick in ticks]
    return sorted(entries, key=lambda entry: entry.at_us)


def cut(draw: st.DataObject, entries: Sequence[LogEntry]) -> list[Sequence[LogEntry]]:
    """Return the entries in stretches of any length."""
    edges = sorted(draw.draw(st.sets(st.integers(1, len(entries)), max_size=8)) | {0, len(entries)})
    return [entries[a:b] for a, b in pairwise(edges)]


@few
@given(words(), st.data())
def test_any_cutting_gives_the_same_silences(entries: list[LogEntry], data: st.DataObject) -> None:
    whole, parts = folded([entries]), folded(cut(data, entries))
    assert (parts.silences, parts.state) == (whole.silences, whole.state)


@few
@given(words(), st.data())
def test_what_is_said_again_changes_nothing(entries: list[LogEntry], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(entries), max_size=6))
    last_us = entries[-1].at_us
    repeated = [*entries, *(entry._replace(at_us=last_us) for entry in again)]
    assert folded([repeated]).silences == folded([entries]).silences


@few
@given(words(), st.data())
def test_a_restart_finds_in_the_tables_what_was_in_memory(
    entries: list[LogEntry], data: st.DataObject
) -> None:
    desk = Desk()
    for stretch in cut(data, entries):
        desk.take(stretch)
        assert desk.restored() == desk.state
        desk.state = desk.restored()
    assert desk.silences == folded([entries]).silences


@few
@given(words())
def test_what_is_remembered_is_what_is_not_over(entries: list[LogEntry]) -> None:
    desk = folded([entries])
    open_ones = {key: one for key, one in desk.silences.items() if one.end_us > desk.state.now_us}
    assert desk.state.silences == open_ones
    desk.tick(max(one.until_us for one in desk.silences.values()) if desk.silences else SECOND_US)
    assert desk.state.silences == {}


@few
@given(words())
def test_the_first_word_about_an_id_counts(entries: list[LogEntry]) -> None:
    said: dict[str, Silence] = {}
    for entry in entries:
        if isinstance(entry.said, SilenceSet):
            said.setdefault(entry.said.silence.silence_id, entry.said.silence)
    as_wanted = {
        name: replace(one, ended_at_us=None, ended_by=None, replaced_by=None)
        for name, one in folded([entries]).silences.items()
    }
    assert as_wanted == said
