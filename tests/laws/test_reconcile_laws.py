"""Rules that change while a processor is dead leave no alert open for ever, and none that nobody knows of."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.lifecycle import fold_alerts
from contract.alert import Ending
from contract.entry import Entry
from stream_processor.fold.reconcile import close_untold, held_open, orphans
from tests.drawn_logs import logs
from tests.fold_world import RULES, fold_log, small_fold

CHANGED = {
    "stricter": RULES.replace("above = 150.0", "above = 1000.0"),
    "looser": RULES.replace("above = 150.0", "above = 30.0").replace(
        "clear_margin = 30.0", "clear_margin = 5.0"
    ),
    "slower": RULES.replace("open_after = 1", "open_after = 3"),
    "same": RULES,
}


@given(logs(), st.sampled_from(sorted(CHANGED)))
def test_tables_and_state_hold_the_same_open(log: list[Entry], change: str) -> None:
    before = fold_log(small_fold(), [log])
    after_fold = small_fold(rules=CHANGED[change])
    state = fold_log(after_fold, [log]).state  # its silent replay, without a snapshot
    stored = fold_alerts({}, [], before.transitions, {})
    alerts = {changed.alert.alert_id: changed.alert for changed in stored}
    stored_open = {i: a for i, a in alerts.items() if a.resolved_at_us is None}
    of_schools = {i: a for i, a in stored_open.items() if a.rule not in after_fold.rulebook.system}

    held = held_open(after_fold, state)
    close_untold(state, held, stored_open.keys())
    ends = list(orphans(after_fold, held.keys(), stored_open.values(), state.now_us))

    now_held = set(held_open(after_fold, state))
    assert now_held == of_schools.keys() - {end.alert_id for end in ends}
    assert all(end.reason == Ending.RULES_CHANGED for end in ends)
    for changed in fold_alerts(stored_open, [], ends, {}):
        assert changed.alert.resolved_at_us == state.now_us
    if change == "same":
        assert not ends
        assert now_held == of_schools.keys()
