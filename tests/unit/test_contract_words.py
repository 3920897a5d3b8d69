"""Topics, series numbers, the clock and identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.alert import alert_id_of
from contract.clock import LogClock
from contract.fleet import partition_of
from contract.series import MAX_DEVICE_ID, MAX_METRIC_ID, device_ids, metric_ids, series_of
from contract.topic import Stream, Topic, parse_topic


def test_a_topic_reads_back_as_it_was_written() -> None:
    topic = Topic("79", "79010042", "gw-1", Stream.BANDWIDTH)
    assert parse_topic(str(topic)) == topic


@pytest.mark.parametrize(
    "text",
    [
        "",
        "edu/v1/79/79010042/gw-1",
        "edu/v1/79/79010042/gw-1/bandwidth/more",
        "edu/v2/79/79010042/gw-1/bandwidth",
        "edu/v1/79/79010042/gw-1/payroll",
        "edu/v1/79/7901 0042/gw-1/bandwidth",
        "edu/v1/79/7901.0042/gw-1/bandwidth",
        "edu/v1/79//gw-1/bandwidth",
        "edu/v1/79/79010042/gw-1/bandwidth\n",
        "edu/v1/+/79010042/gw-1/bandwidth",
    ],
)
def test_what_is_not_a_topic_is_refused(text: str) -> None:
    assert parse_topic(text) is None


@given(st.integers(1, MAX_DEVICE_ID), st.integers(1, MAX_METRIC_ID))
def test_a_series_number_names_its_device_and_metric(device_id: int, metric_id: int) -> None:
    series = np.array([series_of(device_id, metric_id)], np.int32)
    assert device_ids(series)[0] == device_id
    assert metric_ids(series)[0] == metric_id


@given(st.integers(0, 4_000_000_000_000_000), st.sampled_from([0.5, 1.0, 60.0, 3600.0]))
def test_the_clock_goes_there_and_back(real_us: int, factor: float) -> None:
    clock = LogClock(origin_us=1_795_000_000_000_000, real_origin_us=1_700_000_000_000_000, factor=factor)
    assert abs(clock.real_us(clock.log_us(real_us)) - real_us) <= 1 + 1 / factor


def test_a_clock_without_origins_is_real_time() -> None:
    assert LogClock().log_us(1_795_000_000_000_123) == 1_795_000_000_000_123


def test_identities_are_the_same_on_every_machine() -> None:
    assert alert_id_of("wan_down", 2570, 1_795_000_000_000_000) == "146c07c4b5f5e294"
    assert partition_of("79010042", 4) == 0
