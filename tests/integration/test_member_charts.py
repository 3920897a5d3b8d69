"""The charts of an incident's worst members over real tables: bounded, shared, of one's own area."""

import re

import httpx
import numpy as np
import pytest

from contract.access.area import Area
from contract.access.permission import Role
from contract.fleet import School
from ops_dashboard import incident_reads
from ops_dashboard.access.door import SESSION_COOKIE
from ops_dashboard.charts.member_charts import MOST_CHARTS
from storage.wall import series_history
from tests.dashboard_stage import Stage
from tests.integration.test_school_sheet import measure
from tests.signed_in import session_of


def drawn(page: str) -> list[str]:
    """Return the codes of the schools that are drawn, in their order."""
    return re.findall(r'class="worst-school"><a[^>]*href="/school/(\w+)"', page)


async def outage(stage: Stage) -> tuple[str, list[School]]:
    """Let the largest provider of the first school's ward fail; return the incident and its schools."""
    isp = stage.fleet.schools[0].isp
    own = [i for i, s in enumerate(stage.fleet.schools) if s.isp == isp]
    await stage.change(*map(stage.opened, own))
    (incident,) = stage.incidents.kept
    return incident, [stage.fleet.schools[i] for i in own]


async def test_the_largest_schools_are_drawn_each_with_its_way(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    await measure(stage, "online", stage.now_us() - 30_000_000 * np.arange(40, 0, -1), np.zeros(40))
    incident, schools = await outage(stage)
    page = (await client.get(f"/api/charts/incident/{incident}?lang=en")).text
    largest = sorted(schools, key=lambda s: -s.pupils)[:MOST_CHARTS]
    assert sorted(s.pupils for s in schools if s.code in drawn(page)) == sorted(s.pupils for s in largest)
    assert page.count("<svg") == len(drawn(page)) == min(MOST_CHARTS, len(schools))
    assert page.count("plot-span") == page.count("<svg")
    assert (await client.get("/api/charts/incident/ffffffffffffffff")).status_code == 404


async def test_who_sees_a_ward_sees_its_schools_however_many_others_there_are(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_reads, "MOST_MEMBERS", 2)  # as if the incident had thousands
    incident, schools = await outage(stage)
    smallest = min(schools, key=lambda s: (s.pupils, s.code))
    area = Area(wards=(smallest.ward_code,))
    secret = await session_of(stage.conn, "of a ward", Role.OPERATOR, area, stage.fleet)
    cookie = {"Cookie": f"{SESSION_COOKIE}={secret}"}
    answer = await client.get(f"/api/charts/incident/{incident}", headers={**cookie, "Authorization": ""})
    assert answer.status_code == 200
    assert set(drawn(answer.text)) <= {s.code for s in schools if s.ward_code == smallest.ward_code}
    assert drawn(answer.text)


async def test_all_who_look_within_a_minute_share_one_read(
    stage: Stage, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident, _ = await outage(stage)
    asked: list[str] = []

    async def counted(*given: object) -> object:
        asked.append(str(given[-1]))
        return await series_history(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("ops_dashboard.series_reads.series_history", counted)
    first, second = [(await client.get(f"/api/charts/incident/{incident}")).text for _ in range(2)]
    assert drawn(first) == drawn(second)
    assert len(asked) <= 3  # the stretch and the weeks, and the stretch once more in a new minute
