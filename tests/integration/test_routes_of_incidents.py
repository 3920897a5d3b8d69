"""An incident of the database is routed with what was done about it; doctor names places nobody has."""

from pathlib import Path

import pytest

from alerting.routing.plan import Handling, HandlingKind
from contract.access.area import CITY
from contract.access.permission import Role
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.incident import (
    Cause,
    CauseKind,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
)
from contract.live import IncidentChanged
from eduops.data_folder import DataFolder
from eduops.settings import Settings, load_settings
from eduops.verbs.doctor.examine import owners_checked, routes_checked
from eduops.verbs.routes.incident import stored
from storage.database import connect
from storage.fleet import save_fleet
from storage.incidents import write_incidents
from storage.people.users import add_user, change_user, find_user
from tests.outbox import incident_of, put_incidents

BEGAN_US = 1_795_399_200_000_000
MINUTE_US = 60_000_000
ID = "00000000000000ab"


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    """Settings of a system whose servers run elsewhere."""
    elsewhere = {"database_url": postgres_url, "nats_url": "nats://127.0.0.1:1"}
    return load_settings(overrides={"data": tmp_path, **elsewhere})


async def test_an_incident_of_the_database_is_asked_about(
    settings: Settings, postgres_url: str, city: Fleet
) -> None:
    isp = city.schools[0].isp
    incident = Incident(
        incident_id=ID, state=IncidentState.OPEN, cause=Cause(CauseKind.ISP, isp=isp), rule="wan_down",
        rules=("wan_down",), cause_rules=("wan_down",), priority=2, worst_priority=1, alerts=3, all_alerts=9,
        unacknowledged=3, schools=3, most_schools=9, pupils=900, most_pupils=2700, lost_pupil_s=0,
        counted_at_us=BEGAN_US, began_at_us=BEGAN_US, opened_at_us=BEGAN_US, last_opened_at_us=BEGAN_US,
    )  # fmt: skip
    kinds = (
        IncidentEventKind.OPENED,
        IncidentEventKind.ACKNOWLEDGED,
        IncidentEventKind.LEFT,
        IncidentEventKind.RESOLVED,
        IncidentEventKind.REOPENED,
    )
    events = tuple(IncidentEvent(ID, kind, BEGAN_US + n * MINUTE_US, "lan") for n, kind in enumerate(kinds))
    async with await connect(postgres_url) as connection:
        await save_fleet(connection, city)
        async with connection.transaction(), connection.cursor() as cursor:
            await write_incidents(cursor, [IncidentChanged(incident, events)])
    told = await stored(settings, ID)
    assert (told.facts.isp, told.facts.priority, told.facts.pupils) == (isp, 1, 2700)
    assert told.opened_us == BEGAN_US
    assert told.handled == (
        Handling(BEGAN_US + MINUTE_US, HandlingKind.ACKNOWLEDGED),
        Handling(BEGAN_US + 3 * MINUTE_US, HandlingKind.RESOLVED),
        Handling(BEGAN_US + 4 * MINUTE_US, HandlingKind.REOPENED),
    )
    with pytest.raises(ConfigurationError, match="no incident has the id 'none'"):
        await stored(settings, "none")


async def test_doctor_names_a_place_that_no_school_has(
    settings: Settings, postgres_url: str, city: Fleet
) -> None:
    async with await connect(postgres_url) as connection:
        await save_fleet(connection, city)
    assert await routes_checked(settings) == []
    folder = DataFolder(settings.data).config
    folder.mkdir()
    (folder / "routes.toml").write_text(
        '[[channel]]\nname = "inbox"\nurl = "inbox://"\n[[route]]\nname = "all"\ncontacts = ["inbox"]\n'
        '[[route]]\nname = "district"\nmatch = { ward = "Quận 1" }\n',
        encoding="utf-8",
    )
    (found,) = await routes_checked(settings)
    assert found.fine
    assert found.line == "check routes.toml, line 7: route 'district': no ward is called 'Quận 1'"


async def test_doctor_names_whoever_has_incidents_and_is_gone(
    settings: Settings, postgres_url: str, city: Fleet
) -> None:
    async with await connect(postgres_url) as conn:
        await save_fleet(conn, city)
        for name in ("Lan", "Minh"):
            await add_user(conn, name, Role.OPERATOR, CITY, city)
        owners = ("Lan", "Lan", "Minh", "monitoring", None)
        cause = Cause(CauseKind.SCHOOL, school_id=city.schools[0].id)
        await put_incidents(conn, *(incident_of(n, cause, assignee=one) for n, one in enumerate(owners)))
        assert await owners_checked(settings) == []
        lan = await find_user(conn, "Lan")
        assert lan is not None
        await change_user(conn, lan, city, "test", disabled=True)
    (found,) = await owners_checked(settings)
    assert found.line.startswith("check Lan, whose account is disabled, has 2 open incidents: hand them back")
