"""Swaps of duty over a routes.toml: who has the duty, what may be wanted, and what is said to whom."""

from typing import Any

import pytest
from msgspec.structs import replace

from alerting.routing.duty import duty_turns, on_duty
from alerting.routing.swaps import SwapComplaint, settled, state_of, with_swaps
from contract.routing.contact import DAY_US
from contract.routing.routes_file import parse_routes
from contract.routing.swap import FARTHEST_US, MOST_REASON, Swap, SwapFault, SwapState
from ops_dashboard.view.oncall import rotas_of
from tests.unit.test_ops_dashboard_oncall import ROUTES, us

FILE = parse_routes(ROUTES)
NOW_US = us("2026-11-27T21:00:00")
TEN_US = us("2026-11-27T22:00:00")
ONE_US = us("2026-11-28T01:00:00")
SWAP = Swap("a", "crew", "Bình", TEN_US, ONE_US, "Lan", "An ốm", NOW_US)


def turns(*swaps: Swap) -> list[tuple[str, int, str]]:
    (crew,) = rotas_of(with_swaps(FILE, swaps))
    found = duty_turns(crew, NOW_US, us("2026-11-28T03:00:00"))
    return [(one.on_duty.person, one.from_us, one.on_duty.swapped_by) for one in found]


def test_a_swap_goes_before_the_overrides_and_layers_of_the_file() -> None:
    assert turns() == [("An", NOW_US, ""), ("Bình", us("2026-11-28T02:00:00"), "")]
    assert turns(SWAP) == [
        ("An", NOW_US, ""),
        ("Bình", TEN_US, "Lan"),
        ("An", ONE_US, ""),
        ("Bình", us("2026-11-28T02:00:00"), ""),
    ]


def test_of_two_swaps_the_one_that_was_made_later_holds_whatever_their_order() -> None:
    later = replace(SWAP, swap_id="b", person="An", actor="Minh", created_at_us=NOW_US + 1)
    for both in ((SWAP, later), (later, SWAP)):
        assert ("An", TEN_US, "Minh") in turns(*both)
    ended = replace(later, ended_at_us=TEN_US + 60, ended_by="Minh")
    assert ("Bình", TEN_US + 60, "Lan") in turns(SWAP, ended), "below it the earlier one holds again"


@pytest.mark.parametrize("gone", [{"rota": "night"}, {"person": "Chi"}, {"person": "crew"}])
def test_what_the_file_no_longer_has_does_nothing_and_is_shown_so(gone: dict[str, Any]) -> None:
    swap = replace(SWAP, **gone)
    assert with_swaps(FILE, [swap]) is FILE
    assert state_of(swap, FILE, TEN_US) is SwapState.LOST


def test_one_that_ended_before_it_began_changes_nothing() -> None:
    swap = replace(SWAP, ended_at_us=NOW_US + 1, ended_by="Minh")
    assert turns(swap) == turns()
    assert state_of(swap, FILE, TEN_US) is SwapState.OVER


def test_states_follow_the_time() -> None:
    found = [state_of(SWAP, FILE, at) for at in (NOW_US, TEN_US, ONE_US - 1, ONE_US)]
    assert found == [SwapState.PENDING, SwapState.ACTIVE, SwapState.ACTIVE, SwapState.OVER]


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"rota": "An"}, SwapFault.NO_ROTA),
        ({"person": "crew"}, SwapFault.NO_PERSON),
        ({"reason": " "}, SwapFault.NO_REASON),
        ({"reason": "a\u202eb"}, SwapFault.UNSEEN_CHARACTER),
        ({"reason": "a" * (MOST_REASON + 1)}, SwapFault.TOO_LONG_TEXT),
        ({"until_us": NOW_US}, SwapFault.IS_OVER),
        ({"until_us": TEN_US}, SwapFault.ENDS_BEFORE),
        ({"until_us": NOW_US + FARTHEST_US + 1}, SwapFault.TOO_FAR),
        ({"until_us": 10**30}, SwapFault.TOO_FAR),
    ],
)
def test_what_may_not_be_wanted_says_why(other: dict[str, Any], fault: SwapFault) -> None:
    found = settled(replace(SWAP, **other), FILE)
    assert isinstance(found, SwapComplaint)
    assert found.fault is fault


def test_one_without_an_end_is_refused_and_one_from_the_past_begins_now() -> None:
    assert settled(SWAP, FILE, has_end=False) == SwapComplaint(SwapFault.NO_END)
    assert settled(SWAP, FILE) == SWAP
    early = settled(replace(SWAP, from_us=NOW_US - DAY_US), FILE)
    assert isinstance(early, Swap)
    assert early.from_us == NOW_US
    (crew,) = rotas_of(with_swaps(FILE, [early]))
    assert on_duty(crew, NOW_US - 1) == on_duty(rotas_of(FILE)[0], NOW_US - 1)
