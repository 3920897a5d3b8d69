"""How fast incidents are answered, and how much a contact gets."""

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from alerting.incidents.response import GroupBy, TimeSpread, response_figures
from alerting.notify.flood import contact_load
from config.files import shipped_texts
from contract.incident import Cause, CauseKind, IncidentTimes
from contract.service.metrics import SERVICE_METRICS, Meter
from contract.texts import Language
from ops_dashboard.pages.response import response_page
from ops_dashboard.told_figures import DAY_S, FLOOD, HOUR, STANDING, UNTOUCHED, put_load
from tests.incident_log import FLEET, MINUTE_US, SECOND_US

T0 = 1_795_399_200_000_000
PLAIN = IncidentTimes(
    "a",
    Cause(CauseKind.ISP, isp="FPT"),
    "wan_down",
    1,
    because="",
    exercise="",
    owner="An",
    opened_us=T0,
    began_us=T0 + 20 * SECOND_US,
    told_us=T0 + 52 * SECOND_US,
    taken_us=T0 + 140 * SECOND_US,
    quiet_us=T0 + 1220 * SECOND_US,
    had_deed=True,
)


def test_times_are_counted_from_where_they_begin() -> None:
    (found,) = response_figures([PLAIN], GroupBy.ALL, FLEET)
    assert found.detect == TimeSpread(1, 20.0, 20.0)
    assert found.notify == TimeSpread(1, 32.0, 32.0)
    assert found.acknowledge == TimeSpread(1, 120.0, 120.0)
    assert found.resolve == TimeSpread(1, 1220.0, 1220.0)


def test_medians_are_of_those_that_have_the_time() -> None:
    untold = replace(PLAIN, told_us=None, taken_us=None, quiet_us=None)
    slow = replace(PLAIN, told_us=PLAIN.began_us + 132 * SECOND_US)
    (found,) = response_figures([PLAIN, untold, slow], GroupBy.ALL, FLEET)
    assert found.incidents == 3
    assert found.notify == TimeSpread(2, 82.0, 122.0)
    assert found.resolve is not None
    assert found.resolve.incidents == 2


def test_a_school_by_itself_counts_for_its_provider_and_cluster() -> None:
    alone = replace(PLAIN, cause=Cause(CauseKind.SCHOOL, school_id=3))
    of_ward = replace(PLAIN, cause=Cause(CauseKind.WARD, ward_code="w5"))
    found = response_figures([PLAIN, alone, of_ward], GroupBy.ISP, FLEET)
    assert {f.group: f.incidents for f in found} == {"FPT": 1, "VNPT": 1, "": 1}
    found = response_figures([PLAIN, alone, of_ward], GroupBy.CLUSTER, FLEET)
    assert {f.group: f.incidents for f in found} == {"": 1, "c0": 1, "c1": 1}


def test_precision_is_what_engineers_did_not_dismiss() -> None:
    wrong = replace(PLAIN, because="too_sensitive")
    untouched = replace(PLAIN, taken_us=None, had_deed=False)
    (found,) = response_figures([PLAIN, PLAIN, wrong, untouched], GroupBy.RULE, FLEET)
    assert (found.group, found.judged, found.right) == ("wan_down", 3, 2)
    assert found.dismissed == {"too_sensitive": 1}


def test_exercises_are_apart() -> None:
    exercise = replace(PLAIN, exercise="e1", opened_us=T0 + 10 * SECOND_US)
    (found,) = response_figures([PLAIN, exercise], GroupBy.ALL, FLEET, exercises=True)
    assert (found.incidents, found.detect) == (1, TimeSpread(1, 10.0, 10.0))
    assert response_figures([PLAIN, exercise], GroupBy.ALL, FLEET)[0].incidents == 1


def test_a_flood_lasts_until_there_are_fewer_than_five() -> None:
    burst = [T0 + n * MINUTE_US // 4 for n in range(12)]
    found = contact_load("An", burst, T0 - MINUTE_US, T0 + 60 * MINUTE_US)
    assert (found.messages, found.most_10_min, found.last_10_min, found.last_hour) == (12, 12, 0, 11)
    # From the eleventh, at 2.5 min, until the eighth leaves the window, at 11.75 min.
    assert found.flood_s == (11.75 - 2.5) * 60


def test_a_flood_that_goes_on_is_counted_until_now() -> None:
    burst = [T0 + n * SECOND_US for n in range(30)]
    found = contact_load("An", burst, T0, T0 + 5 * MINUTE_US)
    assert (found.last_10_min, found.flood_s) == (30, 290.0)


def test_ten_messages_are_no_flood() -> None:
    calm = [T0 + n * MINUTE_US // 2 for n in range(10)]
    assert contact_load("An", calm, T0, T0 + 60 * MINUTE_US).flood_s == 0


def test_what_people_get_and_leave_is_measured_and_listed() -> None:
    burst = [T0 + n * MINUTE_US // 4 for n in range(12)]
    untouched = {"incident_id": "1" * 16, "name": "FPT", "what": "WAN down", "since": "Since 09:12"}
    report = {
        **{"at_us": T0 + 30 * MINUTE_US, "days": 1, "by": "all", "groups": [], "exercises": []},
        "load": [msgspec.to_builtins(contact_load("An", burst, T0, T0 + 30 * MINUTE_US))],
        **{"standing": 3, "standing_without_action": 2, "without_action": 5},
        "shelf": [untouched | {"who": "Nobody has it yet", "todo": "Call FPT.", "had_deed": False}],
    }
    meter = Meter()
    put_load(report, meter)
    named = {metric.name: metric for metric in SERVICE_METRICS}
    assert dict(meter.values(named[HOUR])) == {("An",): 12}
    assert dict(meter.values(named[FLOOD])) == {("An",): (11.75 - 2.5) * 60 / DAY_S}
    assert dict(meter.values(named[STANDING])) == {("none",): 2, ("some",): 1}
    assert dict(meter.values(named[UNTOUCHED])) == {(): 5}
    put_load({}, meter)
    assert [list(meter.values(named[name])) for name in (HOUR, FLOOD, STANDING, UNTOUCHED)] == [[]] * 4
    page: Any = response_page(shipped_texts(), Language.EN, report)
    text = json.dumps(page.to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert f"/incidents/{'1' * 16}" in text
    assert "WAN down. Since 09:12. Nobody has it yet. Call FPT." in text
