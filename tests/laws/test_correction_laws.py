"""Another word about a stored (series, time) corrects it: rows, figures and alerts follow."""

from collections.abc import Sequence

from hypothesis import given

from contract.alert import Ending, TransitionKind
from contract.commit import Counts
from contract.entry import Entry, ReadingsEntry, TickEntry
from stream_processor.fold.snapshot import decode, encode
from stream_processor.fold.state import State
from stream_processor.fold.step import step
from tests.drawn_logs import logs
from tests.examples import examples
from tests.fold_world import (
    CATALOGUE,
    MONDAY_9H_US,
    SECOND_US,
    Folded,
    any_cutting,
    assert_same,
    assert_same_state,
    columns,
    fold_log,
    series_named,
    small_fold,
    went_on,
)

calm = examples(20)
LATENCY = series_named(1, "latency_ms")
ONLINE = series_named(1, "online")
NORMAL, HIGH = 20.0, 400.0


def said(series: int, *words: tuple[float, float]) -> list[Entry]:
    """Return one entry a word, each a second after the other; a word is a time in seconds and a value."""
    return [
        ReadingsEntry(
            MONDAY_9H_US + (60 + k) * SECOND_US, columns([(MONDAY_9H_US + round(s * SECOND_US), series, v)])
        )
        for k, (s, v) in enumerate(words)
    ]


def in_any_cutting(log: Sequence[Entry]) -> Folded:
    """Fold a log whole and entry by entry, fail unless both are the same, and return it."""
    whole = fold_log(small_fold(), [log])
    assert_same(whole, fold_log(small_fold(), any_cutting(log, [True] * len(log))))
    return whole


def words_of(folded: Folded, series: int, s: float = 0.0) -> list[float]:
    return folded.table[series, MONDAY_9H_US + round(s * SECOND_US)]


@calm
@given(logs())
def test_what_holds_is_the_word_that_came_first_last(log: list[Entry]) -> None:
    folded = fold_log(small_fold(), [[entry] for entry in log])
    wanted: dict[tuple[int, int], dict[float, None]] = {}
    for entry in log:
        if isinstance(entry, ReadingsEntry):
            r = entry.readings
            rows = zip(r.series.tolist(), r.time_us.tolist(), r.value.tolist(), strict=True)
            for series, time_us, value in rows:
                wanted.setdefault((series, time_us), {}).setdefault(value)
    assert folded.table == {key: list(words) for key, words in wanted.items()}
    counts = folded.counts
    assert counts.received == counts.accounted
    assert (counts.stored, counts.corrected) == (len(folded.rows), len(folded.corrections))


@calm
@given(logs())
def test_a_silent_replay_needs_no_table(log: list[Entry]) -> None:
    fold = small_fold()
    state: State = fold.initial_state()
    for entry in log:
        state, _ = step(fold, state, [entry])
    assert_same_state(fold_log(fold, [log]).state, state)


def test_the_newest_word_holds_and_the_earlier_are_on_record() -> None:
    folded = in_any_cutting(said(LATENCY, (0, NORMAL), (0, 30.0), (0, 40.0)))
    assert words_of(folded, LATENCY) == [NORMAL, 30.0, 40.0]
    assert folded.corrections.at_us.tolist() == [MONDAY_9H_US + s * SECOND_US for s in (61, 62)]
    assert folded.counts == Counts(3, 1, corrected=2)


def test_an_equal_value_stays_a_duplicate() -> None:
    assert in_any_cutting(said(LATENCY, (0, NORMAL), (0, NORMAL))).counts == Counts(2, 1, 1)


def test_a_word_that_is_delivered_again_undoes_no_correction() -> None:
    at_mark = in_any_cutting(said(LATENCY, (0, NORMAL), (0, 30.0), (0, NORMAL)))
    below = in_any_cutting(said(LATENCY, (0, NORMAL), (0, 30.0), (1, NORMAL), (0, NORMAL)))
    for folded in (at_mark, below):
        assert words_of(folded, LATENCY) == [NORMAL, 30.0]
        assert (folded.counts.duplicate, folded.counts.corrected) == (1, 1)


def test_a_correction_below_the_mark_is_kept_and_not_judged() -> None:
    log = said(ONLINE, (0, 1.0), (5, 1.0), (0, 0.0))
    folded = in_any_cutting(log)
    assert words_of(folded, ONLINE) == [1.0, 0.0]
    assert folded.transitions == ()
    slot = small_fold().layout.slots_of(columns([(0, ONLINE, 0.0)]).series)[0]
    assert folded.state.value[slot] == 1.0


def test_what_a_wrong_word_opened_ends_at_the_correction() -> None:
    opened, resolved = in_any_cutting(said(ONLINE, (0, 0.0), (0, 1.0))).transitions
    assert (opened.kind, resolved.kind) == (TransitionKind.OPENED, TransitionKind.RESOLVED)
    assert opened.alert_id == resolved.alert_id
    assert (resolved.reason, resolved.value) == (Ending.CORRECTED, 1.0)


def test_a_moment_counts_once_in_a_run_however_often_it_is_corrected() -> None:
    """`latency_high` opens after two readings in a row."""
    once = in_any_cutting(said(LATENCY, (0, NORMAL), (1, HIGH), (1, 410.0), (1, 420.0)))
    assert once.transitions == ()
    (opened,) = in_any_cutting(said(LATENCY, (0, NORMAL), (1, HIGH), (1, 410.0), (2, HIGH))).transitions
    assert opened.opened_at_us == MONDAY_9H_US + SECOND_US
    broken = in_any_cutting(said(LATENCY, (0, NORMAL), (1, HIGH), (1, NORMAL), (2, HIGH)))
    assert broken.transitions == ()


def test_alerts_about_one_moment_have_identities_of_their_own() -> None:
    told = in_any_cutting(said(ONLINE, (0, 0.0), (0, 1.0), (0, 0.25), (0, 0.75))).transitions
    assert [t.kind for t in told] == [TransitionKind.OPENED, TransitionKind.RESOLVED] * 2
    assert told[0].alert_id == told[1].alert_id != told[2].alert_id == told[3].alert_id
    assert all(t.at_us >= t.opened_at_us for t in told)


def test_the_key_figure_of_the_moment_follows_and_past_minutes_stand() -> None:
    metric = CATALOGUE.named("latency_ms")
    ticks = [TickEntry(MONDAY_9H_US + s * SECOND_US) for s in (0, 60, 120)]
    wrong, right = ([(MONDAY_9H_US + SECOND_US, LATENCY, value)] for value in (90.0, 50.0))
    log: list[Entry] = [
        ticks[0],
        ReadingsEntry(MONDAY_9H_US + 50 * SECOND_US, columns(wrong)),
        ticks[1],
        ReadingsEntry(MONDAY_9H_US + 70 * SECOND_US, columns(right)),
        ticks[2],
    ]
    folded = in_any_cutting(log)
    assert [kpi.total for kpi in folded.kpis if kpi.metric_id == metric.id] == [90.0, 50.0]
    assert folded.summary is not None
    assert folded.summary.kpis["latency_ms"].total == 50.0


@calm
@given(logs(), logs(longest=15))
def test_a_restart_tells_corrections_from_redeliveries(first: list[Entry], second: list[Entry]) -> None:
    fold = small_fold()
    before = fold_log(fold, [first])
    again = [*second, *first]
    restarted = decode(fold, encode(fold, before.state))
    one = went_on(fold, before, again, before.state)
    other = went_on(fold, before, again, restarted)
    assert_same(one, other)
