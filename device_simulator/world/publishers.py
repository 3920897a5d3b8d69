"""Which device of a school publishes which stream, as columns by school position."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Catalogue, Metric
from contract.fleet import STREAMS_OF, Fleet
from contract.topic import Stream, Topic

SIMULATED: Final = (Stream.BANDWIDTH, Stream.ELEARNING, Stream.ATTENDANCE, Stream.STATUS)
"""Streams that the world can measure."""


class Publishers:
    """The first device of each kind in each school; further ones of a kind stay silent."""

    def __init__(self, fleet: Fleet, catalogue: Catalogue) -> None:
        self.metrics: dict[Stream, tuple[Metric, ...]] = {s: catalogue.of_stream(s) for s in SIMULATED}
        self.device_ids: dict[Stream, NDArray[np.int32]] = {
            s: np.zeros(len(fleet.schools), np.int32) for s in SIMULATED
        }
        """Device id by school position, shape (schools,); 0 where the school has no such device."""
        self.topics: dict[Stream, list[str]] = {s: [""] * len(fleet.schools) for s in SIMULATED}
        """Topic by school position; empty where the school has no such device."""
        for device in fleet.devices:
            position = fleet.school_position[device.school_id]
            school = fleet.schools[position].code
            for stream in STREAMS_OF[device.kind]:
                if stream in self.topics and not self.topics[stream][position]:
                    self.device_ids[stream][position] = device.id
                    self.topics[stream][position] = str(Topic(fleet.province, school, device.code, stream))

    def positions(self, stream: Stream) -> NDArray[np.intp]:
        """Return the positions of the schools that have a device for the stream, ascending."""
        return np.flatnonzero(self.device_ids[stream])
