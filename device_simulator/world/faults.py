"""Labelled faults as data: what breaks, where, from when to when.

A request (from the command line or from `live.fault`) names schools by their properties; a
fault holds their positions and exact times; a label is the fault as truth for evaluation.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.fleet import Fleet, School

FAULT_SUBJECT: Final = "live.fault"
"""NATS core subject on which a running simulator takes a `FaultRequest` and answers a `FaultReply`."""
LONGEST_S: Final = 30 * 86_400.0
"""Longest start delay and duration of a fault: chosen, a month."""


class FaultKind(StrEnum):
    """What breaks."""

    LINK_CUT = "link-cut"
    ISP_OUTAGE = "isp-outage"
    SLOW_LINK = "slow-link"
    SLOW_DEGRADATION = "slow-degradation"
    SILENT_DEVICE = "silent-device"
    STUCK_SENSOR = "stuck-sensor"
    ATTENDANCE_DROP = "attendance-drop"
    LMS_OUTAGE = "lms-outage"
    EXAM_SURGE = "exam-surge"
    CLOCK_SKEW = "clock-skew"
    DUPLICATES = "duplicates"
    GARBAGE = "garbage"


KIND_HELP: Final[Mapping[FaultKind, str]] = {
    FaultKind.LINK_CUT: "the school's line is cut: its session dies, data wait in the gateway",
    FaultKind.ISP_OUTAGE: "the lines of one provider are cut, in the whole city or a ward or cluster",
    FaultKind.SLOW_LINK: "round trips are longer by STRENGTH ms, packets are lost, traffic is throttled",
    FaultKind.SLOW_DEGRADATION: "a line wears out evenly: at the end it is STRENGTH times a slow link",
    FaultKind.SILENT_DEVICE: "a device stops sending although the line is up (variant: which device)",
    FaultKind.STUCK_SENSOR: "the gateway repeats the traffic that it measured at the start",
    FaultKind.ATTENDANCE_DROP: "a share STRENGTH of pupils is missing (real), not read (reader), or missing "
    "behind a register of another day (copied)",
    FaultKind.LMS_OUTAGE: "a share STRENGTH of e-learning requests fails, the rest is slow",
    FaultKind.EXAM_SURGE: "STRENGTH times the usual e-learning users, and traffic to match",
    FaultKind.CLOCK_SKEW: "device clocks are wrong by STRENGTH seconds (may be negative)",
    FaultKind.DUPLICATES: "every message is sent STRENGTH times",
    FaultKind.GARBAGE: "a share STRENGTH of messages is unreadable or has impossible values",
}
"""One sentence a kind, for the command line's help."""

DEFAULT_STRENGTH: Final[Mapping[FaultKind, float]] = {
    FaultKind.LINK_CUT: 1.0,
    FaultKind.ISP_OUTAGE: 1.0,
    FaultKind.SLOW_LINK: 300.0,
    FaultKind.SLOW_DEGRADATION: 1.0,
    FaultKind.SILENT_DEVICE: 1.0,
    FaultKind.STUCK_SENSOR: 1.0,
    FaultKind.ATTENDANCE_DROP: 0.35,
    FaultKind.LMS_OUTAGE: 0.6,
    FaultKind.EXAM_SURGE: 4.0,
    FaultKind.CLOCK_SKEW: 3600.0,
    FaultKind.DUPLICATES: 3.0,
    FaultKind.GARBAGE: 1.0,
}
"""Strength where the request says 0; see `KIND_HELP` for its unit."""
READER_STRENGTH: Final = 0.85
"""Share of pupils that a broken attendance reader misses: chosen, a few are typed in by hand."""

STRENGTH_RANGE: Final[Mapping[FaultKind, tuple[float, float]]] = {
    FaultKind.SLOW_LINK: (1.0, 30_000.0),
    FaultKind.SLOW_DEGRADATION: (0.01, 1.0),
    FaultKind.ATTENDANCE_DROP: (0.01, 1.0),
    FaultKind.LMS_OUTAGE: (0.01, 1.0),
    FaultKind.EXAM_SURGE: (1.0, 50.0),
    FaultKind.CLOCK_SKEW: (-1e9, 1e9),
    FaultKind.DUPLICATES: (2.0, 20.0),
    FaultKind.GARBAGE: (0.01, 1.0),
}
"""Allowed strengths; kinds without an entry have none."""

VARIANTS: Final[Mapping[FaultKind, tuple[str, ...]]] = {
    FaultKind.SILENT_DEVICE: ("gateway", "attendance", "elearning"),
    FaultKind.ATTENDANCE_DROP: ("real", "reader", "copied"),
}
"""Variants of a kind; the first is meant where the request names none."""

_CITY_WIDE: Final = frozenset({FaultKind.LMS_OUTAGE, FaultKind.EXAM_SURGE})
"""Kinds that meet every school unless filtered; the others then meet one."""


class FaultRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault as asked for: schools by their properties, times from now."""

    kind: str
    isp: str = ""
    """Provider; empty for any."""
    ward: str = ""
    """Code or name of a ward; empty for any."""
    cluster: str = ""
    """Code or name of a cluster; empty for any."""
    school: str = ""
    """Code of a school; empty for any."""
    count: int = 0
    """How many of the matching schools, drawn by `seed`; 0 for all of them."""
    after_s: float = 0.0
    """Seconds of log time until the start."""
    for_s: float = 300.0
    """Seconds of log time that it lasts."""
    strength: float = 0.0
    """See `KIND_HELP`; 0 for the kind's default."""
    variant: str = ""
    """See `VARIANTS`; empty for the kind's first."""
    seed: int = 0


class Fault(msgspec.Struct, frozen=True):
    """A fault with everything decided."""

    kind: FaultKind
    start_us: int
    end_us: int
    """First moment at which it is over."""
    positions: tuple[int, ...]
    """School positions in the fleet, ascending."""
    strength: float
    variant: str = ""

    def is_active(self, time_us: int) -> bool:
        """Return whether the fault is on at a time."""
        return self.start_us <= time_us < self.end_us

    def where(self, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which of the given school positions it meets."""
        return np.isin(positions, self.positions)


class FaultLabel(msgspec.Struct, frozen=True):
    """A fault as truth: what an evaluation compares alerts with. One JSON line each."""

    kind: str
    variant: str
    schools: tuple[str, ...]
    """School codes."""
    start_us: int
    end_us: int
    strength: float


class FaultReply(msgspec.Struct, frozen=True):
    """What a running simulator answers: a label, or a sentence that says what to change."""

    label: FaultLabel | None = None
    error: str = ""


def label_of(fault: Fault, fleet: Fleet) -> FaultLabel:
    """Return the label of a fault."""
    codes = tuple(fleet.schools[i].code for i in fault.positions)
    return FaultLabel(fault.kind.value, fault.variant, codes, fault.start_us, fault.end_us, fault.strength)


def encode_label(label: FaultLabel) -> bytes:
    """Return a label as one JSON line."""
    return msgspec.json.encode(label) + b"\n"


def decode_request(payload: bytes) -> FaultRequest | str:
    """Return the request in a JSON payload, or a sentence saying why it is none."""
    try:
        return msgspec.json.decode(payload, type=FaultRequest)
    except msgspec.DecodeError as error:
        return f"The fault request cannot be read: {error}."


def parse_fault(request: FaultRequest, fleet: Fleet, now_us: int) -> Fault | str:
    """Return the fault that a request asks for, or a sentence saying what to change in it."""
    if request.kind not in list(FaultKind):
        return f"Fault {request.kind!r} is unknown; choose one of {', '.join(FaultKind)}."
    kind = FaultKind(request.kind)
    if kind is FaultKind.ISP_OUTAGE and not request.isp:
        return f"An isp-outage needs a provider: {', '.join(sorted({s.isp for s in fleet.schools}))}."
    if not (0 <= request.after_s <= LONGEST_S and 0 < request.for_s <= LONGEST_S):
        return "A fault starts within 30 days and lasts more than 0 s and at most 30 days."
    variants = VARIANTS.get(kind, ("",))
    variant = request.variant or variants[0]
    if variant not in variants:
        return f"Variant {variant!r} does not belong to {kind}; it has {', '.join(variants) or 'none'}."
    strength = request.strength or _usual(kind, variant)
    low, high = STRENGTH_RANGE.get(kind, (1.0, 1.0))
    if not low <= strength <= high:
        return f"Strength {strength:g} of {kind} is not within {low:g} to {high:g}."
    positions = _chosen(request, kind, fleet)
    if not positions:
        return f"No school matches {_filters(request)}."
    start_us = now_us + round(request.after_s * 1e6)
    return Fault(kind, start_us, start_us + round(request.for_s * 1e6), positions, strength, variant)


def parse_duration_s(text: str) -> float:
    """Return the seconds in `90`, `90s`, `5m`, `1.5h` or `2d`.

    Raises:
        ValueError: the text is no duration; the message says what one looks like.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m or 1.5h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}[match[2]]


def scattered(fleet: Fleet, hour: int, per_hour: float, seed: int) -> list[Fault]:
    """Return the random everyday faults that start within an hour of log time.

    Args:
        fleet: Whose schools they meet.
        hour: Hours since 1970; the same hour and seed give the same faults.
        per_hour: Mean number in the whole city.
        seed: Chooses them.
    """
    rng = np.random.Generator(np.random.Philox(key=seed + 7, counter=hour << 128))
    kinds = (
        FaultKind.LINK_CUT,
        FaultKind.SLOW_LINK,
        FaultKind.SILENT_DEVICE,
        FaultKind.STUCK_SENSOR,
        FaultKind.ATTENDANCE_DROP,
    )
    faults = []
    for _ in range(int(rng.poisson(per_hour))):
        kind = kinds[int(rng.choice(len(kinds), p=(0.4, 0.3, 0.15, 0.05, 0.1)))]
        request = FaultRequest(
            kind.value,
            count=1,
            after_s=float(rng.uniform(0, 3600)),
            for_s=float(rng.uniform(120, 1200)),
            seed=int(rng.integers(1 << 30)),
        )
        fault = parse_fault(request, fleet, hour * 3_600_000_000)
        if isinstance(fault, Fault):
            faults.append(fault)
    return faults


def _usual(kind: FaultKind, variant: str) -> float:
    return READER_STRENGTH if variant == "reader" else DEFAULT_STRENGTH[kind]


def _chosen(request: FaultRequest, kind: FaultKind, fleet: Fleet) -> tuple[int, ...]:
    """Return the positions of the schools that a request means."""
    found = [i for i, school in enumerate(fleet.schools) if _matches(request, school, fleet)]
    filtered = any((request.isp, request.ward, request.cluster, request.school))
    count = request.count or (len(found) if filtered or kind in _CITY_WIDE else 1)
    if count < len(found):
        drawn = np.random.default_rng(request.seed).choice(len(found), count, replace=False)
        found = [found[i] for i in sorted(drawn.tolist())]
    return tuple(found)


def _matches(request: FaultRequest, school: School, fleet: Fleet) -> bool:
    if request.school and request.school != school.code:
        return False
    if request.isp and request.isp.casefold() != school.isp.casefold():
        return False
    ward = fleet.ward_by_code[school.ward_code]
    if request.ward and not _named(request.ward, (ward.code, ward.name, ward.short_name)):
        return False
    cluster = fleet.cluster_by_code[ward.cluster_code]
    return not request.cluster or _named(request.cluster, (cluster.code, cluster.name))


def _named(text: str, names: Iterable[str]) -> bool:
    return text.casefold() in (name.casefold() for name in names)


def _filters(request: FaultRequest) -> str:
    names: Sequence[str] = ("isp", "ward", "cluster", "school")
    given = [f"{name} {getattr(request, name)!r}" for name in names if getattr(request, name)]
    return " and ".join(given) or "the fault"
