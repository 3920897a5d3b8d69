"""What happens in the stories of the desk and of leadership."""

from datetime import date
from typing import Final

from contract.incident import IncidentDeed
from contract.rejected import Reason, RefusalDetail, Rejected, write_detail
from contract.routing.notice import NoticeReason
from contract.special_days.special_day import (
    DayEvidence,
    DayKind,
    DayPlace,
    DayProposal,
    DayVerdict,
    MovedBells,
    PlaceKind,
    SpecialDay,
)
from eduops.stories import situations
from eduops.stories.scene import MINUTE_US, Scene, schools_where
from eduops.stories.situations import MINH, NHUNG
from storage.people.saved_views import SavedView
from storage.wall import RefusedSender


def incident_open(scene: Scene) -> None:
    """Let a provider's schools of a ward lose their line; the second message found nobody."""
    gone = [scene.open(n, ago=21 - k % 3) for k, n in enumerate(ward_of_provider(scene))]
    scene.watched = gone[0]
    scene.tell(NHUNG, NoticeReason.OPENED, 20, "250 OK")
    scene.tell(MINH, NoticeReason.NEXT_STEP, 10, "451 try again later", sent=False)


def incident_slow(scene: Scene) -> None:
    """Let a provider's schools of a cluster be slow."""
    own = schools_where(scene.fleet, isp="Viettel")
    clusters = [scene.fleet.ward_by_code[scene.fleet.schools[n].ward_code].cluster_code for n in own]
    most = max(set(clusters), key=lambda code: (clusters.count(code), code))
    slow = [n for n, cluster in zip(own, clusters, strict=True) if cluster == most]
    gone = [scene.open(n, "latency_high", 2, ago=33 - k % 4) for k, n in enumerate(slow)]
    scene.watched = gone[0]
    scene.tell(NHUNG, NoticeReason.OPENED, 30, "250 OK")


def incidents_kept(scene: Scene) -> None:
    """Look at a choice that is kept, beside others."""
    situations.many(scene)
    scene.views += [
        SavedView("P1 chưa ai nhận", "state=open&priority=1"),
        SavedView("Rộng nhất trước", "sort=-reach"),
        SavedView("Viettel", "isp=Viettel"),
    ]


def incident_taken(scene: Scene) -> None:
    """Let somebody have it, and half of it be well again."""
    gone = [scene.open(n, ago=52 - k % 3) for k, n in enumerate(ward_of_provider(scene))]
    scene.watched = gone[0]
    scene.tell(NHUNG, NoticeReason.OPENED, 49, "250 OK")
    scene.do(IncidentDeed.ACKNOWLEDGED, gone[0], NHUNG, 47)
    scene.do(
        IncidentDeed.COMMENTED, gone[0], NHUNG, 41, "Nhà mạng báo đứt cáp ở đường Kha Vạn Cân, dự kiến 10:30"
    )
    for alert in gone[1::2]:
        scene.close(alert, ago=14)


def incident_over(scene: Scene) -> None:
    """Let it be over."""
    gone = [scene.open(n, ago=95 - k % 3) for k, n in enumerate(ward_of_provider(scene))]
    scene.watched = gone[0]
    scene.tell(NHUNG, NoticeReason.OPENED, 92, "250 OK")
    scene.do(IncidentDeed.ACKNOWLEDGED, gone[0], NHUNG, 90)
    for k, alert in enumerate(gone):
        scene.close(alert, ago=33 - 5 * (k % 2))
    scene.do(IncidentDeed.COMMENTED, gone[0], NHUNG, 20, "Đã nối lại cáp; theo dõi đến trưa")


def messages(scene: Scene) -> None:
    """Let people have been told of a provider's failure, one after the other."""
    gone = [scene.open(n, ago=44 - k % 3) for k, n in enumerate(ward_of_provider(scene))]
    scene.watched = gone[0]
    for to, reason, ago in (
        (NHUNG, NoticeReason.OPENED, 41),
        (MINH, NoticeReason.NEXT_STEP, 31),
        ("Lê Hoàng Phương Anh", NoticeReason.NEXT_STEP, 21),
    ):
        scene.tell(to, reason, ago, "250 OK")


def answers(scene: Scene) -> None:
    """Let a morning's incidents have been answered, one faster than the other, and one by nobody."""
    messages(scene)
    scene.open(situations.others(scene, "FPT")[7], "latency_high", 2, ago=31 * 60)
    for k, n in enumerate(situations.others(scene, "FPT")[:260:20]):
        alone = scene.open(n, ("wan_down", "latency_high", "lms_failing")[k % 3], 1 + k % 3, ago=150 - 8 * k)
        scene.do(IncidentDeed.ACKNOWLEDGED, alone, (NHUNG, MINH)[k % 2], ago=149 - 8 * k - k % 4)
        scene.close(alone, ago=142 - 8 * k - 5 * (k % 5))


def school_well(scene: Scene) -> None:
    """Look at a school that is well, and was not in the morning."""
    n = situations.big_school(scene)
    scene.close(scene.open(n, "latency_high", 2, ago=100), ago=84)
    scene.subject = scene.fleet.schools[n].code


def school_offline(scene: Scene) -> None:
    """Look at a school without a line."""
    n = situations.big_school(scene)
    code = scene.fleet.schools[n].code
    detail = write_detail(RefusalDetail.AHEAD, metric="down_bps", claimed="1795430000", s=25_200)
    topic = f"edu/v1/79/{code}/gw-1/bandwidth"
    late_us = scene.now_us - 40 * MINUTE_US
    scene.senders.append(RefusedSender(code, "gw-1", Reason.FUTURE_TIME, 212, late_us, topic, detail))
    scene.close(scene.open(n, "latency_high", 2, ago=340), ago=300)
    scene.open(n, ago=23)
    scene.open(n, "attendance_low", 2, ago=40)
    scene.subject = scene.fleet.schools[n].code


def school_gone(scene: Scene) -> None:
    """Look at a school that is no more."""
    scene.subject = scene.fleet.former[-1].school.code


def provider(scene: Scene) -> None:
    """Look at a provider in trouble."""
    situations.one_provider(scene)
    scene.subject = "FPT"


def cluster(scene: Scene) -> None:
    """Look at a cluster with a ward in trouble."""
    situations.one_ward(scene)
    ward = scene.fleet.schools[situations.big_ward(scene)[0]].ward_code
    scene.subject = scene.fleet.ward_by_code[ward].cluster_code


_REFUSALS: Final = (
    (
        Reason.OUT_OF_RANGE,
        write_detail(RefusalDetail.NOT_WITHIN, value="down_bps 1e+12", low="0", high="1e+11"),
    ),
    (Reason.OVERSIZED, write_detail(RefusalDetail.TOO_LARGE, bytes=1_204_882, most=1_048_576)),
    (Reason.NOT_JSON, write_detail(RefusalDetail.TWICE)),
    (
        Reason.FUTURE_TIME,
        write_detail(RefusalDetail.MILLISECONDS, metric="down_bps", claimed="1795400000000"),
    ),
    (Reason.WRONG_UNIT, write_detail(RefusalDetail.OTHER_UNIT, metric="latency_ms", unit="ms")),
)
"""What was refused, and what exactly was wrong with it."""


def quality(scene: Scene) -> None:
    """Let devices be silent, and send what is refused."""
    scene.silent |= set(range(3, len(scene.fleet.schools), 97))
    codes = [school.code for school in scene.fleet.schools[::140]]
    for k, (code, (reason, detail)) in enumerate(zip(codes, _REFUSALS, strict=True)):
        at_us = scene.now_us - (k + 1) * 11 * MINUTE_US
        topic = f"edu/v1/79/{code}/gw-1/bandwidth"
        scene.refused.append(Rejected(reason, topic, detail, at_us, 90, "[{}]"))
        scene.senders.append(RefusedSender(code, "gw-1", reason, 3 + 41 * k, at_us, topic, detail))


def special_days(scene: Scene) -> None:
    """Let days before have been unlike the calendar's; two of them are decided."""
    school, city = scene.fleet.schools[situations.big_school(scene)], DayPlace(PlaceKind.CITY)
    ward = DayPlace(PlaceKind.WARD, school.ward_code)
    level = DayPlace(PlaceKind.LEVEL, school.level.value)
    flood = DayEvidence(46, 46, 0.31, 0.97, 0.04, 0)
    scene.proposed += [
        DayProposal(DayKind.CLOSURE, ward, date(2026, 11, 18), date(2026, 11, 20), 3, flood),
        DayProposal(
            DayKind.HALF_DAY, level, date(2026, 11, 12), date(2026, 11, 12), 1,
            DayEvidence(88, 96, None, None, 0.52, 0),
        ),
        DayProposal(
            DayKind.EVENT, DayPlace(PlaceKind.SCHOOL, school.code), date(2026, 11, 16), date(2026, 11, 16), 1,
            DayEvidence(1, 1, 0.88, 0.97, 1.41, 1),
        ),
    ]  # fmt: skip
    rings = MovedBells((30, 0), (31.5, None), 26.0, None)
    scene.proposed.append(
        DayProposal(
            DayKind.EVENT, DayPlace(PlaceKind.LEVEL, "lower_secondary"), date(2026, 11, 23),
            date(2026, 11, 25), 3, DayEvidence(182, 191, None, None, None, 0, rings),
        )
    )  # fmt: skip
    told = DayEvidence(540, 599, 0.02, 0.97, 0.05, 0)
    for day, name, verdict in (
        (date(2026, 10, 20), "", DayVerdict.REJECTED),
        (date(2026, 11, 5), "Bão số 13, toàn thành phố nghỉ", DayVerdict.ACCEPTED),
    ):
        by = MINH if name else NHUNG
        scene.decided.append(
            SpecialDay("0" * 12, DayKind.CLOSURE, city, day, day, name, verdict, scene.now_us, by, told)
        )


def ward_of_provider(scene: Scene) -> list[int]:
    """Return the positions of the schools of FPT in the ward where it has the most."""
    own = schools_where(scene.fleet, isp="FPT")
    wards = [scene.fleet.schools[n].ward_code for n in own]
    most = max(set(wards), key=lambda code: (wards.count(code), code))
    return [n for n, ward in zip(own, wards, strict=True) if ward == most]
