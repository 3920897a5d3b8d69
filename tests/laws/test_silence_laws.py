"""Laws of silences: words count once, however the log is cut; what is muted is what the labels say."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerting.silences.labels import labels_of
from alerting.silences.matching import holds, muted, silenced
from alerting.silences.recurrence import active_until_us, next_edge_us, windows_of
from contract.alert import Alert
from contract.calendar import SchoolCalendar
from contract.canary import SYSTEM_SCHOOL_ID
from contract.routing.silence import Silence, SilenceEnded, SilenceMatcher, SilenceSet
from contract.series import MAX_DEVICE_ID, series_of
from tests.examples import examples
from tests.incident_log import FLEET, MINUTE_US, SECOND_US, Desk, LogEntry, folded
from tests.laws.test_incident_laws import cut
from tests.silence_words import recurring, silence, wanted

BEGAN_US = 1_795_399_200_000_000
NAMES = ("a", "b", "c", "d")
few = examples(40)


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


matchers = st.builds(
    SilenceMatcher,
    st.sampled_from(("isp", "ward", "school", "rule", "priority", "system", "nothing")),
    st.sampled_from(("FPT", "w0", "s1", "School .*", "wan_down", "P1", "1|2", "center", "", ".*")),
    st.booleans(),
    st.booleans(),
)


@st.composite
def silences(draw: st.DrawFn) -> list[Silence]:
    """Return silences around `BEGAN_US`, some of them recurring, some ended."""
    found = []
    for number in range(draw(st.integers(0, 4))):
        from_us = BEGAN_US + draw(st.integers(-60, 60)) * MINUTE_US
        chosen = draw(st.lists(matchers, min_size=1, max_size=2))
        made = silence(str(number), from_us, from_us + draw(st.integers(1, 99)) * MINUTE_US, *chosen)
        if draw(st.booleans()):
            rule = recurring(str(number), from_us, "FREQ=DAILY", draw(st.sampled_from((0.2, 23.9, 24, 30))))
            made = replace(rule, matchers=tuple(chosen))
        if draw(st.booleans()):
            made = replace(made, ended_at_us=from_us + draw(st.integers(-9, 90)) * MINUTE_US)
        found.append(made)
    return found


@st.composite
def open_alerts(draw: st.DrawFn) -> list[Alert]:
    """Return alerts at a few schools and about the center."""
    school = st.sampled_from((SYSTEM_SCHOOL_ID, 1, 2, 16, 61))
    chosen = st.tuples(school, st.sampled_from(("wan_down", "feed_down")), st.integers(1, 3))
    return [
        Alert(f"{n}", rule, series_of(at or MAX_DEVICE_ID, 10), at, priority, 0, 0, None, None, None, None, 1)
        for n, (at, rule, priority) in enumerate(draw(st.lists(chosen, max_size=4)))
    ]


@few
@given(silences(), open_alerts(), st.integers(-90, 3000))
def test_muted_is_what_the_labels_say_for_as_long_as_is_told(
    calendar: SchoolCalendar, made: list[Silence], alerts: list[Alert], minute: int
) -> None:
    at_us = BEGAN_US + minute * MINUTE_US

    def mutes(one: Silence, alert: Alert) -> bool:
        labels = labels_of(alert, FLEET)
        return all(holds(matcher, labels.get(matcher.name, ())) for matcher in one.matchers)

    ends_us = [
        max((e for s in made if mutes(s, a) and (e := active_until_us(s, calendar, at_us))), default=None)
        for a in alerts
    ]
    found = silenced(made, alerts, FLEET, calendar, at_us)
    known = [end_us for end_us in ends_us if end_us is not None]
    assert muted(made, alerts, FLEET, calendar, at_us) == [
        a for a, end_us in zip(alerts, ends_us, strict=True) if end_us is not None
    ]
    if not alerts or len(known) < len(alerts):
        assert found is None
        return
    assert found is not None
    assert found.until_us == min(known)
    assert silenced(made, alerts, FLEET, calendar, found.until_us - 1) is not None


@few
@given(silences(), st.integers(-90, 3000))
def test_between_two_edges_nothing_begins_or_ends(
    calendar: SchoolCalendar, made: list[Silence], minute: int
) -> None:
    at_us = BEGAN_US + minute * MINUTE_US
    edge_us = next_edge_us(made, calendar, at_us)

    def in_force(moment_us: int) -> list[bool]:
        return [active_until_us(one, calendar, moment_us) is not None for one in made]

    if edge_us is None:
        assert not any(in_force(at_us))
        return
    assert at_us < edge_us
    assert in_force(edge_us - 1) == in_force(at_us)
    assert any(
        w.from_us == edge_us or w.until_us == edge_us for s in made for w in windows_of(s, calendar)
    ) or (edge_us in {one.ended_at_us for one in made})
