"""Who may say what: a raw topic to its device, partition and identity, in one dictionary look-up."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.canary import canary_device_id, canary_topic
from contract.catalogue import Catalogue
from contract.fleet import PUPILS_UNKNOWN, STREAMS_OF, Fleet, partition_of
from contract.rejected import Reason, RefusalDetail, write_detail
from contract.series import MAX_METRIC_ID, series_of
from contract.topic import PRIVATE_STREAMS, Stream, Topic, parse_topic
from ingest.decoders.senml import Defect, is_senml_name

STREAMS: Final = tuple(Stream)
"""A stream's position here is its number in columns."""
UNKNOWN: Final = -1
"""Code of a name or unit that the catalogue does not have."""


class Route(NamedTuple):
    """What a known topic stands for."""

    base_series: int
    """Series number of metric 0 of the device; a metric id is added."""
    partition: int
    stream: int
    """Position in `STREAMS`."""
    private: bool
    bases: frozenset[str]
    """Base names that agree with the topic; the empty one among them."""
    pupils: int
    """Of the school; `PUPILS_UNKNOWN` or less where nobody knows."""


class _Codes(dict[str, int]):
    """Codes of known words; any other word is UNKNOWN and is not remembered."""

    def __missing__(self, key: str) -> int:
        return UNKNOWN


class Registry:
    """The fleet and the catalogue as `accept` asks them. Immutable but for its cache of known topics."""

    def __init__(self, fleet: Fleet, catalogue: Catalogue, partitions: int) -> None:
        self._fleet = fleet
        self._partitions = partitions
        self._routes: dict[str, Route] = dict(map(self._canary_route, range(partitions)))
        self.catalogue = catalogue
        names = sorted({m.name for m in catalogue.metrics if is_senml_name(m.name)})
        units = sorted({m.unit for m in catalogue.metrics} - {""})
        self.name_codes: Mapping[str, int] = _Codes({name: i for i, name in enumerate(names)})
        """Code of each metric name, from 0."""
        self.unit_codes: Mapping[str, int] = _Codes({"": 0} | {unit: i + 1 for i, unit in enumerate(units)})
        """Code of each unit, from 1; 0 is "no unit given"."""
        self.metric_of = self._metric_table()
        """Metric id by (stream number, name code), shape (streams, names + 1); 0 where there is none.

        The last column, which UNKNOWN reaches as -1, is 0.
        """
        self.unit_of = np.zeros(MAX_METRIC_ID + 1, np.int16)
        """Unit code by metric id, shape (256,)."""
        for metric in catalogue.metrics:
            self.unit_of[metric.id] = self.unit_codes[metric.unit]

    def route(self, topic: str) -> Route | Defect:
        """Return what a raw topic stands for, or why nobody may publish there."""
        known = self._routes.get(topic)
        if known is not None:
            return known
        found = self._look_up(topic)
        if isinstance(found, Route):
            # Only known topics are kept, so strangers cannot fill the memory.
            self._routes[topic] = found
        return found

    def _look_up(self, text: str) -> Route | Defect:
        topic = parse_topic(text)
        if topic is None:
            return Defect(Reason.BAD_TOPIC, write_detail(RefusalDetail.TOPIC_FORM))
        if topic.province != self._fleet.province or topic.school not in self._fleet.school_by_code:
            told = {"school": topic.school, "province": topic.province}
            return Defect(Reason.UNKNOWN_SCHOOL, write_detail(RefusalDetail.NO_SCHOOL, **told))
        device = self._fleet.device_by_path.get((topic.school, topic.device))
        if device is None:
            told = {"school": topic.school, "device": topic.device}
            return Defect(Reason.UNKNOWN_DEVICE, write_detail(RefusalDetail.NO_DEVICE, **told))
        if topic.stream not in STREAMS_OF[device.kind]:
            told = {"kind": device.kind.value, "stream": topic.stream.value}
            return Defect(Reason.WRONG_STREAM, write_detail(RefusalDetail.NOT_ITS_STREAM, **told))
        pupils = self._fleet.school_by_code[topic.school].pupils
        return _route(topic, device.id, partition_of(topic.school, self._partitions), pupils)

    def _canary_route(self, partition: int) -> tuple[str, Route]:
        """Return the topic of a partition's canary, which no fleet has, and its route."""
        topic = canary_topic(self._fleet.province, partition, self._partitions)
        return str(topic), _route(topic, canary_device_id(partition), partition, PUPILS_UNKNOWN)

    def _metric_table(self) -> NDArray[np.int32]:
        table = np.zeros((len(STREAMS), len(self.name_codes) + 1), np.int32)
        for metric in self.catalogue.metrics:
            if metric.name in self.name_codes:
                table[STREAMS.index(metric.stream), self.name_codes[metric.name]] = metric.id
        return table


def _route(topic: Topic, device_id: int, partition: int, pupils: int) -> Route:
    return Route(
        base_series=series_of(device_id, 0),
        partition=partition,
        stream=STREAMS.index(topic.stream),
        private=topic.stream in PRIVATE_STREAMS,
        bases=frozenset({"", *base_names(topic.school, topic.device)}),
        pupils=pupils,
    )


def base_names(school: str, device: str) -> tuple[str, ...]:
    """Return the base names that name a device in SenML: as a path and as a URN of ours."""
    forms = (f"{school}/{device}/", f"urn:edu:{school}:{device}:")
    return tuple(form for form in forms if is_senml_name(form))
