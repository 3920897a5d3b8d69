"""Notices to people who sign in, by a real mail server: what their account may see, or the next is told."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from alerting.incidents.groups import covers_school
from config.files import load_configuration
from contract.access.area import CITY, Area
from contract.access.permission import Role
from contract.alert import AlertEvent
from contract.catalogue import Catalogue
from contract.commit import Commit
from contract.entry import ALERTS_LOG
from contract.fleet import Fleet, School
from contract.incident import CauseKind, Incident
from contract.live import AlertChanged, IncidentChanged
from contract.routing.notice import HeldReason, NoticeFate, NoticeReason
from eduops.settings import load_settings
from eduops.verbs.routes.incident import seen_by_accounts
from storage.fleet import save_fleet
from storage.people.users import add_user, change_user, find_user
from storage.results import commit
from tests.conftest import TestNats
from tests.mailbox import Mailbox, open_mailbox, text_of
from tests.outbox import NOW_US, Post, incident_of, notice_of, open_post, put_notices, wan_down


@pytest.fixture
async def post(nats: TestNats, postgres_url: str, tmp_path: Path, city: Fleet) -> AsyncIterator[Post]:
    async with open_post(nats, postgres_url, tmp_path, city) as opened:
        yield opened


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


async def outage(post: Post, catalogue: Catalogue) -> tuple[Incident, list[School]]:
    """Let all schools of a provider lose their lines; return the incident and those schools."""
    fleet, online = post.fleet, catalogue.named("online").id
    cause = replace(post.isp, kind=CauseKind.ISP, cluster_code="")
    met = [s for s in fleet.schools if covers_school(cause, s, fleet)]
    alerts = [wan_down(fleet, fleet.school_position[s.id], online) for s in met]
    pupils = sum(s.pupils for s in met)
    more = dict.fromkeys(("alerts", "all_alerts", "schools", "most_schools"), len(met))
    found = incident_of(1, cause, **more, pupils=pupils, most_pupils=pupils)
    events = [AlertEvent(a.alert_id, "opened", NOW_US, "system", "") for a in alerts]
    changed = tuple(map(AlertChanged, alerts, events))
    joined = IncidentChanged(found, (), joined=tuple(a.alert_id for a in alerts))
    await commit(post.conn, Commit(ALERTS_LOG, 0, 1, NOW_US, alerts=changed, incidents=(joined,)))
    return found, met


def person(name: str, user: str, url: str) -> str:
    return f'[[person]]\nname = "{name}"\nuser = "{user}"\nlanguage = "en"\nchannels = ["{url}"]\n'


async def test_a_person_is_told_what_their_account_may_see(
    post: Post, catalogue: Catalogue, mailbox: Mailbox
) -> None:
    box, url = mailbox, mailbox.url
    incident, met = await outage(post, catalogue)
    one, others = met[0], met[1:]
    await add_user(post.conn, "an@school", Role.SCHOOL, Area(schools=(one.code,)), post.fleet)
    await add_user(post.conn, "lan", Role.OPERATOR, CITY, post.fleet)
    post.routes(person("An", "AN@school", url) + person("Lan", "lan", url))
    small, whole = notice_of(incident, "An"), notice_of(incident, "Lan")
    async with post.notifier():
        for notice in (small, whole):
            await put_notices(post.conn, notice)
            await post.until(notice, lambda r: r.fate is NoticeFate.SENT, "it is sent")
    mails = ["\n".join(text_of(mail)) for mail in box.mails]
    assert f"{len(met)} schools" in mails[1]
    assert f"{len(met)} schools" not in mails[0]
    assert f"{one.pupils:,} pupils" in mails[0]
    assert not [s.name for s in others if s.name in mails[0] and s.name != one.name]
    assert f"{len(met)} schools" not in str(box.mails[0]["subject"])
    assert await seen(post, incident) == {"An": f"as AN@school: 1 of its {len(met)} schools"}


async def seen(post: Post, incident: Incident) -> dict[str, str]:
    """Return what `eduops routes test --incident` says of people with an account."""
    await save_fleet(post.conn, post.fleet)
    own = load_configuration(post.folder / "config")
    settings = load_settings(overrides={"data": post.folder, "database_url": post.dsn})
    return await seen_by_accounts(settings, incident.incident_id, own, own.routing)


async def test_who_may_not_be_told_is_not_and_the_log_hears_it_for_the_next_step(
    post: Post, catalogue: Catalogue, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    box, url = mailbox, mailbox.url
    incident, met = await outage(post, catalogue)
    elsewhere = next(s for s in post.fleet.schools if s not in met)
    for name in ("binh", "chi"):
        area = Area(schools=(elsewhere.code,)) if name == "binh" else CITY
        await add_user(post.conn, name, Role.OPERATOR, area, post.fleet)
    chi = await find_user(post.conn, "chi")
    assert chi is not None
    await change_user(post.conn, chi, post.fleet, "test", disabled=True)
    told = {
        "Bình": ("binh", "nothing of it lies in the area of the account binh"),
        "Chi": ("chi", "the account chi is disabled"),
        "Dũng": ("dung", "nobody signs in as dung: routes.toml names that account for this person"),
    }
    post.routes("".join(person(name, user, url) for name, (user, _) in told.items()))
    async with post.notifier():
        for name, (_, words) in told.items():
            await put_notices(post.conn, notice := notice_of(incident, name))
            record = await post.until(notice, lambda r: r.fate is NoticeFate.GIVEN_UP, "it is withheld")
            assert [(a.channel, a.outcome.value, a.answer) for a in record.attempts] == [
                ("", "refused", words)
            ]
        await put_notices(post.conn, report := notice_of(2, "Bình", NoticeReason.REPORT))
        record = await post.until(report, lambda r: r.fate is NoticeFate.GIVEN_UP, "so is a report")
        words = "the account binh may not see the figures of the whole city"
        assert [a.answer for a in record.attempts] == [words]
    why = {name: f"withheld, and the next step at once: {words}" for name, (_, words) in told.items()}
    assert await seen(post, incident) == why
    answers = await post.answers()
    assert [answer.to for answer in answers] == list(told)
    assert {answer.why for answer in answers} == {HeldReason.WITHHELD}
    assert caplog.text.count("event=notice_withheld") == 4
    assert box.mails == []
