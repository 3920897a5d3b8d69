"""What of a stored minute may be told, and which minute an address means."""

from zoneinfo import ZoneInfo

import pytest

from contract.live import Kpi
from contract.privacy import shown_share, shown_sum
from ops_dashboard.api.answers import Refusal
from ops_dashboard.past.moment import read_moment
from ops_dashboard.view.past import LEAST_SCHOOLS, STEP, PastSums, told_sums

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW_US = 1_795_400_000_000_000
"""09:13:20 on 23 November 2026, local time."""


def sums(schools: int) -> dict[str, PastSums]:
    """Return the sums of so many schools, each with 601 pupils of whom 571 are there."""
    n = float(schools)
    return {
        "online": PastSums(n, n, n - 1),
        "present": PastSums(n, n, n * 571),
        "enrolled": PastSums(n, n, n * 601),
        "active_users": PastSums(n, n, n * 7),
    }


def test_pupils_of_few_schools_are_not_told_and_those_of_many_in_steps() -> None:
    told, untold = told_sums(sums(LEAST_SCHOOLS - 1))
    assert untold == {"present", "enrolled", "active_users"}
    assert [told[name].total for name in ("online", "present", "active_users")] == [LEAST_SCHOOLS - 2, 0, 0]
    told, untold = told_sums(sums(LEAST_SCHOOLS))
    assert untold == frozenset()
    kpis = {name: Kpi(round(s.expected), round(s.reporting), s.total) for name, s in told.items()}
    assert shown_share(kpis["present"], kpis["enrolled"]) == pytest.approx(0.95)
    assert shown_sum(kpis["active_users"]) == pytest.approx(4 * STEP)
    assert told["enrolled"].total % STEP == 0


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("", None),
        ("2026-11-23T08:12", 1_795_396_320_000_000),
        ("2026-11-23T08:12:59.5", 1_795_396_320_000_000),
        ("2026-11-23T01:12Z", 1_795_396_320_000_000),
        ("2026-11-23T08:12 07:00", 1_795_396_320_000_000),
        ("-10", 1_795_399_380_000_000),
    ],
)
def test_an_address_means_a_whole_minute_local_unless_it_says_otherwise(
    text: str, minute: int | None
) -> None:
    assert read_moment(text, ZONE, NOW_US) == minute


@pytest.mark.parametrize(
    ("text", "code"),
    [("gestern", "bad_moment"), ("2026-13-01T00:00", "bad_moment"), ("2026-11-23T18:00", "future_moment"),
     ("9999-12-31T23:59-12:00", "future_moment"), ("--5", "bad_moment")],
)  # fmt: skip
def test_what_is_no_earlier_minute_is_refused_in_a_sentence(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_moment(text, ZONE, NOW_US)
    assert (refused.value.status, refused.value.code) == (422, code)
