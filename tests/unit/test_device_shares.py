"""A device's share: a backlog is let through, a flood is held off, and the others never notice."""

from collections.abc import Iterator

import pytest

from bus.mqtt_store import ns_of
from contract.devices.connecting import BrokerLine, ConnectRequest, DeviceRights
from contract.devices.credential import Credential, DeviceName, digest_of
from ingest.acceptance.verdict import ConnectDenial
from ingest.authoriser.book import Book
from ingest.authoriser.shares import BACK_BELOW, HOUR_US, MESSAGE_BYTES, Shares
from storage.devices.credentials import CredentialChange

MIB = 1024**2
SHARE = 128 * MIB
NOW_US = 1_795_000_000_000_000
LOOK_US = 10_000_000
NAME = "79010042/gw-1"


def line(messages: int, carried: int, *, number: int = 7, started_us: int = NOW_US) -> BrokerLine:
    return BrokerLine("server", number, NAME, started_us, messages, carried)


def looks(shares: Shares, carried: Iterator[BrokerLine] | list[BrokerLine]) -> list[bool]:
    """Return at which looks, ten seconds apart, the device was over its share."""
    return [bool(shares.look([one], NOW_US + n * LOOK_US)) for n, one in enumerate(carried)]


@pytest.mark.parametrize(
    ("messages", "size"),
    [(20, MIB), (17_280, 3_000), (2 * 17_280, 1_000)],
    ids=["in packs of a MiB", "each reading of two days by itself", "small ones"],
)
def test_a_backlog_of_two_days_at_once_is_within_the_share(messages: int, size: int) -> None:
    shares = Shares(SHARE, NOW_US)
    assert looks(shares, [line(messages, messages * size)]) == [False]
    assert not shares.is_held_off(NAME, NOW_US)


def test_a_backlog_whose_connection_ends_while_the_broker_is_asked_counts_once() -> None:
    shares, one = Shares(SHARE, NOW_US), line(100, 100 * MIB, started_us=NOW_US + LOOK_US)
    shares.ended(one, NOW_US + 2 * LOOK_US + 1)
    assert shares.look([one], NOW_US + 2 * LOOK_US) == set()
    assert not shares.is_held_off(NAME, NOW_US + 2 * LOOK_US + 2)


def test_a_day_as_usual_is_within_a_hundredth_of_the_share() -> None:
    shares = Shares(SHARE / 100, NOW_US)
    assert not any(looks(shares, [line(n, n * 1_000) for n in range(8_640)]))


@pytest.mark.parametrize(("a_second", "size"), [(1, 4 * MIB), (2_000, 100)], ids=["large", "many"])
def test_a_flood_is_held_off_until_half_of_the_share_is_free(a_second: int, size: int) -> None:
    shares = Shares(SHARE, NOW_US)
    cost = a_second * (size + MESSAGE_BYTES)
    found = looks(shares, [line(10 * n * a_second, 10 * n * a_second * size) for n in range(12)])
    first = found.index(True)
    assert SHARE < 10 * first * cost < 1.02 * SHARE + 10 * cost
    over_us = NOW_US + first * LOOK_US
    assert shares.is_held_off(NAME, over_us)
    # Ended there, it waits as long as what it sent is worth.
    shares = Shares(SHARE, NOW_US)
    looks(shares, [line(10 * n * a_second, 10 * n * a_second * size) for n in range(first + 1)])
    wait_us = int((10 * first * cost / SHARE - BACK_BELOW) * HOUR_US)
    assert wait_us > HOUR_US / 3
    assert shares.is_held_off(NAME, over_us + int(wait_us * 0.9))
    assert not shares.is_held_off(NAME, over_us + int(wait_us * 1.1))


def test_who_comes_again_and_again_is_counted_by_what_each_connection_carried() -> None:
    shares = Shares(SHARE, NOW_US)
    for number in range(100):
        shares.ended(line(2, 2 * MIB, number=number), NOW_US + number)
    assert shares.is_held_off(NAME, NOW_US + 100)


def test_a_connection_counts_once_whether_it_stands_or_ends() -> None:
    shares = Shares(SHARE, NOW_US)
    carried = line(10, 100 * MIB)
    for n in range(3):
        assert not shares.look([carried], NOW_US + n)
    shares.ended(carried, NOW_US + 3)
    assert not shares.is_held_off(NAME, NOW_US + 3)


def test_what_was_carried_before_anybody_looked_counts_for_nobody() -> None:
    shares = Shares(SHARE, NOW_US)
    assert not shares.look([line(10**6, 10 * SHARE, started_us=NOW_US - HOUR_US)], NOW_US)
    assert not shares.look([line(10**6, 10 * SHARE + MIB, started_us=NOW_US - HOUR_US)], NOW_US + 1)


def test_only_who_knows_the_secret_hears_of_the_share_and_it_is_noted() -> None:
    book = Book(Shares(SHARE, NOW_US))
    name = DeviceName("79010042", "gw-1")
    book.take(CredentialChange((Credential(name, digest_of("right")),), is_all=True, province="79"))
    stranger = BrokerLine("server", 8, "79010042/unknown", NOW_US, 1, 10 * SHARE)
    assert book.look([line(1, 2 * SHARE), stranger], NOW_US) == {NAME}
    assert book.is_unwanted(NAME, NOW_US, NOW_US)
    right, wrong = (ConnectRequest(NAME, secret, NAME, "10.0.0.7") for secret in ("right", "wrong"))
    assert book.judge(wrong, NOW_US) is ConnectDenial.WRONG_SECRET
    assert book.judge(right, NOW_US) is ConnectDenial.OVER_SHARE
    book.note(wrong, ConnectDenial.WRONG_SECRET, NOW_US)
    (noted,) = book.sightings()
    assert (noted.name, noted.refused_for, noted.refusals) == (NAME, "over_share", 2)
    assert isinstance(book.judge(right, NOW_US + 2 * HOUR_US), DeviceRights)


@pytest.mark.parametrize(
    "text", ["2026-11-28T14:57:21.1462086Z", "2026-11-28T21:57:21.146208600+07:00", "2026-11-28T14:57:21Z"]
)
def test_a_time_of_the_server_is_read_in_whatever_zone_it_is_told(text: str) -> None:
    fraction = 146_208_600 if "." in text else 0
    assert ns_of(text) == 1_795_877_841_000_000_000 + fraction
