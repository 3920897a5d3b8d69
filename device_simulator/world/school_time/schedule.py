"""When each school's devices send: spread over the cadence, so that the city never speaks at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.topic import Stream
from device_simulator.world.publishers import Publishers

SLOTS_A_CADENCE: Final = 10
"""Slots into which the shortest cadence is cut: with 10 s, a tenth of the city sends each second."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """Seconds of log time between two messages of one device, each above 0."""

    bandwidth_s: float = 10.0
    elearning_s: float = 60.0
    attendance_s: float = 600.0
    status_s: float = 60.0


class Schedule:
    """Says which schools send what in a slot; slot k is at k · `slot_us` of log time."""

    def __init__(self, publishers: Publishers, cadence: Cadence) -> None:
        self.slot_us = max(1, round(cadence.bandwidth_s * 1e6 / SLOTS_A_CADENCE))
        every_s: Mapping[Stream, float] = {
            Stream.BANDWIDTH: cadence.bandwidth_s,
            Stream.ELEARNING: cadence.elearning_s,
            Stream.ATTENDANCE: cadence.attendance_s,
            Stream.STATUS: cadence.status_s,
        }
        self._turns: dict[Stream, list[NDArray[np.intp]]] = {}
        for stream, period_s in every_s.items():
            period = max(1, round(period_s * 1e6 / self.slot_us))
            at = publishers.positions(stream)
            self._turns[stream] = [at[at % period == turn] for turn in range(period)]

    def due(self, slot: int) -> Iterator[tuple[Stream, NDArray[np.intp]]]:
        """Yield each stream with the positions of the schools that send it in the slot, none empty."""
        for stream, turns in self._turns.items():
            at = turns[slot % len(turns)]
            if len(at):
                yield stream, at
