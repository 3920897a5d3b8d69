"""What faults do: pure changes to what the world measured, and to how it goes on the wire."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.topic import Stream
from device_simulator.world.city import Column, Measured, World, attendance_of
from device_simulator.world.faults import DEFAULT_STRENGTH, Fault, FaultKind
from device_simulator.world.mess import Mess

Mask = NDArray[np.bool_]
Values = dict[str, Column]

_CUT: Final = frozenset({FaultKind.LINK_CUT, FaultKind.ISP_OUTAGE})
_STREAM_OF_VARIANT: Final[Mapping[str, Stream]] = {
    "gateway": Stream.BANDWIDTH,
    "attendance": Stream.ATTENDANCE,
    "elearning": Stream.ELEARNING,
}
_SLOW_SHARE: Final = 0.1
"""Share of the contracted speed that a slow link still carries: chosen."""
_SLOW_LOSS: Final = 0.08
"""Packets lost on a slow link: chosen, above any usual alarm threshold."""
_CUT_HOME: Final = 0.05
"""E-learning that goes on without the school's line, over mobile phones: chosen."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How the packs of one moment travel, by the positions of what was measured; each shape (n,)."""

    linked: Mask
    """False while the school's line is cut: packs wait in the device."""
    sends: Mask
    """False where the device is silent: no pack is made."""
    skew_us: NDArray[np.int64]
    """Error of the device's clock."""
    copies: NDArray[np.int64]
    """How often each message is sent, at least 1."""
    garbage: NDArray[np.float64]
    """Share of messages that are garbage, 0 to 1."""
    late: Mask
    """True where the pack arrives after the device's next one."""


def apply(measured: Measured, faults: Iterable[Fault], world: World) -> tuple[Measured, Wire]:
    """Return what the devices report under the faults that are on at the measured time."""
    n = len(measured.positions)
    wire = Wire(
        np.ones(n, np.bool_),
        np.ones(n, np.bool_),
        np.zeros(n, np.int64),
        np.ones(n, np.int64),
        np.zeros(n),
        np.zeros(n, np.bool_),
    )
    values = {name: column.copy() for name, column in measured.values.items()}
    for fault in faults:
        mask = fault.where(measured.positions) if fault.is_active(measured.time_us) else None
        if mask is None or not mask.any():
            continue
        _travel(wire, fault, mask, measured.stream)
        change = _CHANGES.get((fault.kind, measured.stream))
        if change is not None:
            change(values, mask, _worn(fault, measured.time_us), world, measured.positions)
    if world.mess is not None:
        _astray(wire, measured, world.mess)
    return Measured(measured.time_us, measured.stream, measured.positions, values), wire


def _astray(wire: Wire, measured: Measured, mess: Mess) -> None:
    """Note in `wire` what everyday life does to the packs."""
    at, time_us = measured.positions, measured.time_us
    wire.linked[mess.cut(time_us, at)] = False
    lost, late, twice = mess.packs(measured.stream, time_us, at)
    wire.sends[lost] = False
    if measured.stream is Stream.BANDWIDTH:
        wire.sends[mess.quiet(time_us, at)] = False
    wire.late[late] = True
    wire.copies[twice] = np.maximum(wire.copies[twice], 2)
    wire.skew_us[:] += mess.skew_us(time_us, at)


def _worn(fault: Fault, time_us: int) -> Fault:
    """Return the fault as strong as it is at a time: one that wears out a line grows from 0, evenly."""
    if fault.kind is not FaultKind.SLOW_DEGRADATION:
        return fault
    reached = (time_us - fault.start_us) / (fault.end_us - fault.start_us)
    return msgspec.structs.replace(fault, strength=fault.strength * reached)


def _travel(wire: Wire, fault: Fault, mask: Mask, stream: Stream) -> None:
    """Note in `wire` how the fault changes the way of the packs."""
    if fault.kind in _CUT:
        wire.linked[mask] = False
    elif fault.kind is FaultKind.SILENT_DEVICE:
        wire.sends[mask & (_STREAM_OF_VARIANT[fault.variant] is stream)] = False
    elif fault.kind is FaultKind.CLOCK_SKEW:
        wire.skew_us[mask] += round(fault.strength * 1e6)
    elif fault.kind is FaultKind.DUPLICATES:
        wire.copies[mask] = np.maximum(wire.copies[mask], round(fault.strength))
    elif fault.kind is FaultKind.GARBAGE:
        wire.garbage[mask] = np.maximum(wire.garbage[mask], fault.strength)


Change = Callable[[Values, Mask, Fault, World, NDArray[np.intp]], None]
"""Changes the values in place where the mask is true."""


def _cut_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    # Nothing passes, and the probe has no answer to measure: no round trip, no loss.
    values["down_bps"][mask] = 0.0
    values["up_bps"][mask] = 0.0
    values["latency_ms"][mask] = np.nan
    values["loss_ratio"][mask] = np.nan


def _cut_elearning(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    _scale(values, ("active_users", "events"), mask, _CUT_HOME)


def _slow_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    cap = world.contracted_down_bps[at[mask]] * _SLOW_SHARE
    values["down_bps"][mask] = np.round(np.minimum(values["down_bps"][mask], cap))
    values["up_bps"][mask] = np.round(np.minimum(values["up_bps"][mask], cap))
    values["latency_ms"][mask] = np.round(values["latency_ms"][mask] * 1.5 + fault.strength, 2)
    values["loss_ratio"][mask] = np.round(values["loss_ratio"][mask] * 10 + _SLOW_LOSS, 5)


def _worn_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    # Strength 1 is the slow link of the usual strength, so both kinds say the same of one line.
    part = fault.strength
    cap = world.contracted_down_bps[at[mask]] * (1.0 - (1.0 - _SLOW_SHARE) * part)
    longer = DEFAULT_STRENGTH[FaultKind.SLOW_LINK] * part
    values["down_bps"][mask] = np.round(np.minimum(values["down_bps"][mask], cap))
    values["up_bps"][mask] = np.round(np.minimum(values["up_bps"][mask], cap))
    values["latency_ms"][mask] = np.round(values["latency_ms"][mask] * (1.0 + 0.5 * part) + longer, 2)
    values["loss_ratio"][mask] = np.round(
        values["loss_ratio"][mask] * (1.0 + 9.0 * part) + _SLOW_LOSS * part, 5
    )


def _slow_elearning(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    values["response_ms"][mask] = np.round(values["response_ms"][mask] + 4 * fault.strength, 1)


def _stuck_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    frozen = world.measure(Stream.BANDWIDTH, fault.start_us, at[mask]).values
    for name, column in frozen.items():
        values[name][mask] = column


def _missing_attendance(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    if fault.variant == "copied":
        return  # The register of another day is sent again: it knows nothing of who is missing.
    enrolled = values["enrolled"][mask]
    absent = np.round(values["absent"][mask] + fault.strength * values["present"][mask])
    late = np.round(values["late"][mask] * (1.0 - fault.strength))
    for name, column in attendance_of(enrolled, absent, late).items():
        values[name][mask] = column


def _missing_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    # Pupils who are there but not read use the line as ever: absent or offline?
    if fault.variant != "reader":
        _scale(values, ("down_bps", "up_bps"), mask, 1.0 - fault.strength)


def _missing_elearning(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    if fault.variant != "reader":
        _scale(values, ("active_users", "events"), mask, 1.0 - fault.strength)


def _lms_elearning(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    values["success_ratio"][mask] = np.round(values["success_ratio"][mask] * (1.0 - fault.strength), 4)
    values["response_ms"][mask] = np.round(values["response_ms"][mask] * 30, 1)
    _scale(values, ("active_users", "events"), mask, 1.0 - 0.7 * fault.strength)
    values["sync_age_s"][mask] += 3600.0


def _surge_elearning(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    _scale(values, ("active_users", "events"), mask, fault.strength)
    values["response_ms"][mask] = np.round(values["response_ms"][mask] * fault.strength, 1)


def _surge_bandwidth(values: Values, mask: Mask, fault: Fault, world: World, at: NDArray[np.intp]) -> None:
    cap = world.contracted_down_bps[at[mask]]
    more = values["down_bps"][mask] * (1.0 + 0.2 * (fault.strength - 1.0))
    values["down_bps"][mask] = np.round(np.minimum(more, 0.95 * cap))


def _scale(values: Values, names: Iterable[str], mask: Mask, factor: float) -> None:
    for name in names:
        values[name][mask] = np.round(values[name][mask] * factor)


_CHANGES: Final[Mapping[tuple[FaultKind, Stream], Change]] = {
    (FaultKind.LINK_CUT, Stream.BANDWIDTH): _cut_bandwidth,
    (FaultKind.LINK_CUT, Stream.ELEARNING): _cut_elearning,
    (FaultKind.ISP_OUTAGE, Stream.BANDWIDTH): _cut_bandwidth,
    (FaultKind.ISP_OUTAGE, Stream.ELEARNING): _cut_elearning,
    (FaultKind.SLOW_LINK, Stream.BANDWIDTH): _slow_bandwidth,
    (FaultKind.SLOW_LINK, Stream.ELEARNING): _slow_elearning,
    (FaultKind.SLOW_DEGRADATION, Stream.BANDWIDTH): _worn_bandwidth,
    (FaultKind.STUCK_SENSOR, Stream.BANDWIDTH): _stuck_bandwidth,
    (FaultKind.ATTENDANCE_DROP, Stream.ATTENDANCE): _missing_attendance,
    (FaultKind.ATTENDANCE_DROP, Stream.BANDWIDTH): _missing_bandwidth,
    (FaultKind.ATTENDANCE_DROP, Stream.ELEARNING): _missing_elearning,
    (FaultKind.LMS_OUTAGE, Stream.ELEARNING): _lms_elearning,
    (FaultKind.EXAM_SURGE, Stream.ELEARNING): _surge_elearning,
    (FaultKind.EXAM_SURGE, Stream.BANDWIDTH): _surge_bandwidth,
}
