"""The canary: a school that does not exist, through which the watchdog sees the whole pipeline.

Each partition has one, so that no part of the path goes unseen. Its device publishes a known
pattern like any gateway; no rule, figure or page counts it, and only its readings' way is looked at.
"""

from itertools import count
from typing import Final

from contract.fleet import partition_of
from contract.series import MAX_DEVICE_ID, MAX_METRIC_ID, series_of
from contract.topic import Stream, Topic

CANARY_DEVICE: Final = "canary"
"""Code of the canary's device: by it the broker knows where the watchdog may publish."""
CANARY_METRIC: Final = "down_bps"
"""The metric that carries the pattern."""
CANARY_CYCLE: Final = 60
"""Values of the pattern before it begins again."""
CANARY_STEP: Final = 1000.0
"""Difference of two neighbouring values of the pattern, in the metric's unit."""
SYSTEM_SCHOOL_ID: Final = 0
"""School id of alerts about the operations center itself; no school of a fleet has it."""


def canary_device_id(partition: int) -> int:
    """Return the device id of a partition's canary: the highest ones, which no fleet reaches."""
    return MAX_DEVICE_ID - partition


def canary_series(partition: int, metric_id: int) -> int:
    """Return the series number of a partition's canary."""
    return series_of(canary_device_id(partition), metric_id)


def system_series(partition: int) -> int:
    """Return the series number that alerts about a partition of the center itself carry."""
    return series_of(canary_device_id(partition), MAX_METRIC_ID)


def canary_school(partition: int, partitions: int) -> str:
    """Return the school code of a partition's canary: the first `canary-…` that falls into it."""
    codes = (f"canary-{number}" for number in count())
    return next(code for code in codes if partition_of(code, partitions) == partition)


def canary_topic(province: str, partition: int, partitions: int) -> Topic:
    """Return the topic on which a partition's canary publishes."""
    return Topic(province, canary_school(partition, partitions), CANARY_DEVICE, Stream.BANDWIDTH)


def canary_value(number: int) -> float:
    """Return the value of the pattern's `number`-th reading: it rises step by step and begins again."""
    return (number % CANARY_CYCLE + 1) * CANARY_STEP
