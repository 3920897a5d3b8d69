"""What happens in the stories of the wall."""

from collections.abc import Sequence

from contract.incident import IncidentDeed
from contract.routing.silence import SilenceKind, SilenceMatcher
from eduops.stories.scene import Scene, schools_where

NHUNG = "Nguyễn Thị Hồng Nhung"
MINH = "Trần Văn Minh"
WAVES = 6
"""So many moments at which the schools of a shared fate go."""


def nothing(scene: Scene) -> None:
    """Let nothing happen."""


def first_start(scene: Scene) -> None:
    """Let nothing have happened ever."""
    scene.is_new = True


def calm(scene: Scene) -> None:
    """Let two things be over since the morning."""
    alone = scene.open(7 % len(scene.fleet.schools), ago=88)
    scene.close(alone, ago=71)
    first = scene.fleet.schools[len(scene.fleet.schools) // 2]
    for n in schools_where(scene.fleet, isp=first.isp, ward_code=first.ward_code)[:6]:
        scene.close(scene.open(n, ago=64), ago=33)


def one_school(scene: Scene) -> None:
    """Let one school lose its line."""
    scene.open(big_school(scene), ago=8)


def one_ward(scene: Scene) -> None:
    """Let a ward lose its power."""
    for k, n in enumerate(big_ward(scene)):
        scene.open(n, ago=12 - k % 2 / 30)


def one_provider(scene: Scene) -> None:
    """Let a provider fail nearly everywhere, and more of it from minute to minute."""
    own = schools_where(scene.fleet, isp="FPT")
    for k, n in enumerate(own[: len(own) * 9 // 10]):
        scene.open(n, ago=18 - 17.5 * (k * WAVES // len(own)) / WAVES)
    one_school(scene)


def platform(scene: Scene) -> None:
    """Let the city's e-learning platform fail."""
    for k, n in enumerate(range(0, len(scene.fleet.schools), 3)):
        scene.open(n, "lms_failing", 2, ago=24 - k % WAVES / 6)


def all_dark(scene: Scene) -> None:
    """Let the center hear nobody any more."""
    scene.silent |= set(range(len(scene.fleet.schools)))
    for partition in range(2):
        scene.open_center("feed_down", 1, ago=6, partition=partition)
    for n in range(len(scene.fleet.schools)):
        scene.open(n, "gateway_silent", ago=5)


def unknown(scene: Scene) -> None:
    """Let no school say anything, and nobody know why yet."""
    scene.silent |= set(range(len(scene.fleet.schools)))


def many(scene: Scene) -> None:
    """Let more go wrong than a wall has lines."""
    one_provider(scene)
    spread = others(scene, "FPT")
    for k, (rule, priority) in enumerate(
        (
            ("latency_high", 2),
            ("loss_high", 2),
            ("attendance_low", 2),
            ("latency_unusual", 3),
            ("traffic_unusual", 3),
            ("lms_failing", 2),
            ("latency_high", 3),
        )
    ):
        scene.open(spread[401 * (k + 1) % len(spread)], rule, priority, ago=70 - 9 * k)
    taken = scene.open(spread[17], ago=41)
    scene.do(IncidentDeed.ACKNOWLEDGED, taken, NHUNG, ago=36)


def taken(scene: Scene) -> None:
    """Let a ward's schools come back one by one while somebody has it."""
    ward = big_ward(scene)
    gone = [scene.open(n, ago=34) for n in ward]
    scene.do(IncidentDeed.ACKNOWLEDGED, gone[0], NHUNG, ago=31)
    for k, alert in enumerate(gone[: len(gone) * 2 // 3]):
        scene.close(alert, ago=9 - 0.4 * k)


def flapping(scene: Scene) -> None:
    """Let a school come and go."""
    n = big_school(scene)
    for k in range(4):
        scene.close(scene.open(n, ago=31 - 7 * k), ago=27 - 7 * k)
    scene.open(n, ago=2)


def muted(scene: Scene) -> None:
    """Let a provider's announced work and one school be silenced."""
    one_ward(scene)
    loud = others(scene, "CMC")[5]
    scene.open(loud, "latency_high", 2, ago=20)
    scene.silence("Đang thay tủ mạng tầng 2", SilenceMatcher("school", scene.fleet.schools[loud].code))
    own = schools_where(scene.fleet, isp="CMC")
    for k, n in enumerate(own[:40]):
        scene.open(n, ago=16 - 0.1 * k)
    work = SilenceMatcher("isp", "CMC")
    scene.silence("CMC nâng cấp thiết bị theo lịch", work, kind=SilenceKind.MAINTENANCE)


def big_school(scene: Scene) -> int:
    """Return the position of the school with the longest name outside FPT."""
    among = others(scene, "FPT") or range(len(scene.fleet.schools))
    return max(among, key=lambda n: (len(scene.fleet.schools[n].name), -n))


def big_ward(scene: Scene) -> Sequence[int]:
    """Return the positions of the schools of the ward that has the most."""
    wards = [schools_where(scene.fleet, ward_code=ward.code) for ward in scene.fleet.wards]
    return max(wards, key=len)


def others(scene: Scene, isp: str) -> Sequence[int]:
    """Return the positions of the schools of all other providers."""
    return [n for n, school in enumerate(scene.fleet.schools) if school.isp != isp]
