"""What exactly was wrong with refused data, in the reader's words: every detail that ingest can write."""

import json
from typing import Any

import pytest

from contract.fleet import Fleet
from contract.rejected import RefusalDetail, detail_words, write_detail
from contract.texts import Language
from ingest.acceptance.accept import Message, accept
from ingest.acceptance.registry import Registry
from ingest.acceptance.validation import AcceptanceLimits
from tests.fold_world import CATALOGUE, MONDAY_9H_US, small_fleet
from tests.refusal_words import TEXTS

NOW_S = MONDAY_9H_US / 1e6
LIMITS = AcceptanceLimits()
GATEWAY, STATUS, REGISTER = (
    f"edu/v1/79/79000001/{end}" for end in ("gw-1/bandwidth", "gw-1/status", "att-1/attendance")
)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return small_fleet()


def reading(**more: Any) -> bytes:
    return json.dumps([{"n": "latency_ms", "v": 12} | more]).encode()


def register(**counts: float) -> bytes:
    return json.dumps([{"n": name, "v": value} for name, value in counts.items()]).encode()


REFUSED: dict[RefusalDetail, tuple[str, bytes]] = {
    RefusalDetail.TOO_LARGE: (GATEWAY, b" " * (LIMITS.max_payload_bytes + 1)),
    RefusalDetail.TOPIC_FORM: ("edu/v1", b""),
    RefusalDetail.NO_SCHOOL: ("edu/v1/79/79999999/gw-1/bandwidth", b""),
    RefusalDetail.NO_DEVICE: ("edu/v1/79/79000001/gw-9/bandwidth", b""),
    RefusalDetail.NOT_ITS_STREAM: ("edu/v1/79/79000001/gw-1/attendance", b""),
    RefusalDetail.NOT_UTF8: (GATEWAY, b"\xff"),
    RefusalDetail.NOT_JSON: (GATEWAY, b"{"),
    RefusalDetail.TOO_DEEP: (GATEWAY, b"[" * 200_000),
    RefusalDetail.TWICE: (GATEWAY, b'[{"n":"a","n":"b"}]'),
    RefusalDetail.NOT_A_PACK: (GATEWAY, b"{}"),
    RefusalDetail.EMPTY_PACK: (GATEWAY, b"[]"),
    RefusalDetail.NOT_A_STATUS: (STATUS, b"1"),
    RefusalDetail.VERSION_NOT_WHOLE: (GATEWAY, reading(bver=0)),
    RefusalDetail.VERSION_LATER: (GATEWAY, reading(bver=11)),
    RefusalDetail.VERSIONS_DIFFER: (GATEWAY, b'[{"bver":9,"n":"a","v":1},{"bver":10,"n":"b","v":1}]'),
    RefusalDetail.FIELD_UNMET: (GATEWAY, reading(must_=1)),
    RefusalDetail.FIELD_TYPE: (GATEWAY, reading(u=1)),
    RefusalDetail.FIELD_NOT_ALLOWED: (REGISTER, b'[{"n":"present","v":1,"student":"x"}]'),
    RefusalDetail.SEVERAL_VALUES: (GATEWAY, reading(vs="x")),
    RefusalDetail.BAD_NAME: (GATEWAY, reading(n="")),
    RefusalDetail.OTHER_DEVICE: (GATEWAY, reading(bn="79000001/gw-2/")),
    RefusalDetail.NOT_FINITE: (GATEWAY, reading(v=None)),
    RefusalDetail.SUM_NOT_FINITE: (GATEWAY, reading(bv=1.7e308, v=1.7e308)),
    RefusalDetail.NO_NUMBER: (GATEWAY, b'[{"n":"latency_ms","vs":"x"}]'),
    RefusalDetail.NO_TRUTH: (STATUS, b'{"online":1}'),
    RefusalDetail.NO_MEASUREMENT: (GATEWAY, b'[{"bn":"79000001/gw-1/"}]'),
    RefusalDetail.NO_VALUE: (GATEWAY, b'[{"n":"latency_ms"}]'),
    RefusalDetail.SUM_ALONE: (GATEWAY, b'[{"n":"latency_ms","s":1}]'),
    RefusalDetail.NO_ONLINE: (STATUS, b"{}"),
    RefusalDetail.NO_METRIC: (GATEWAY, reading(n="nothing")),
    RefusalDetail.OTHER_UNIT: (GATEWAY, reading(u="bit/s")),
    RefusalDetail.NOT_WITHIN: (GATEWAY, reading(v=-1)),
    RefusalDetail.NOT_WHOLE: (REGISTER, register(present=1.5)),
    RefusalDetail.TOO_MANY: (REGISTER, register(enrolled=900)),
    RefusalDetail.MORE_THAN: (REGISTER, register(enrolled=50, present=60)),
    RefusalDetail.OTHER_RATIO: (REGISTER, register(enrolled=60, present=30, attendance_ratio=0.9)),
    RefusalDetail.MILLISECONDS: (GATEWAY, reading(t=NOW_S * 1e3)),
    RefusalDetail.MICROSECONDS: (GATEWAY, reading(t=NOW_S * 1e6)),
    RefusalDetail.NANOSECONDS: (GATEWAY, reading(t=NOW_S * 1e9)),
    RefusalDetail.UPTIME: (GATEWAY, reading(t=259_200)),
    RefusalDetail.CLOCK_NEVER_SET: (GATEWAY, reading(t=5e8)),
    RefusalDetail.AHEAD: (GATEWAY, reading(t=NOW_S + 25_200)),
    RefusalDetail.BEHIND: (GATEWAY, reading(t=NOW_S - 60 * 86_400)),
}


def test_every_detail_is_provoked() -> None:
    assert set(REFUSED) == set(RefusalDetail)


@pytest.mark.parametrize("code", RefusalDetail)
def test_a_detail_is_told_in_the_readers_language(fleet: Fleet, code: RefusalDetail) -> None:
    topic, payload = REFUSED[code]
    refused = accept([Message(topic, payload, MONDAY_9H_US)], Registry(fleet, CATALOGUE, 1), LIMITS).rejected
    kept = {json.loads(one.detail)["code"] for one in refused}
    assert kept == {code.value}
    told = {language: detail_words(refused[0].detail, TEXTS, language) for language in Language}
    assert told[Language.VI] != told[Language.EN]
    assert all('"code"' not in words for words in told.values())


def test_counts_are_written_as_the_language_does_and_figures_as_they_were_sent() -> None:
    large = write_detail(RefusalDetail.TOO_LARGE, bytes=1_048_577, most=1_048_576)
    assert detail_words(large, TEXTS, Language.VI) == "1.048.577 byte; tối đa là 1.048.576 byte"
    within = write_detail(RefusalDetail.NOT_WITHIN, value="down_bps 1e+12", low="0", high="1e+11")
    assert detail_words(within, TEXTS, Language.VI) == "down_bps 1e+12 không nằm trong khoảng 0 đến 1e+11"


@pytest.mark.parametrize("detail", ["the pack is empty", '{"code":"of_tomorrow","values":{}}', "{half"])
def test_what_is_no_detail_of_this_version_stays_as_it_is(detail: str) -> None:
    assert detail_words(detail, TEXTS, Language.VI) == detail
