"""Names, secrets and verdicts of devices: everything that needs no broker."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.devices.connecting import ConnectRequest, DeviceRights
from contract.devices.credential import (
    SECRET_BYTES,
    Credential,
    DeviceName,
    derived_secret,
    digest_of,
    mosquitto_hash,
    parse_device_name,
    write_secret,
)
from contract.errors import ConfigurationError
from contract.topic import parse_topic
from eduops.verbs.devices.files import csv_text, read_secrets, write_new
from eduops.verbs.devices.mosquitto import rights
from ingest.acceptance.verdict import ConnectDenial, judge
from ingest.authoriser.book import NEW_US, TWICE_TAKEOVERS, TWICE_WITHIN_US, Book
from ingest.authoriser.shares import Shares
from storage.devices.credentials import CredentialChange

NAME = DeviceName("79010042", "gw-1")
SECRET = write_secret(bytes(range(SECRET_BYTES)))
NOW_US = 1_795_000_000_000_000
HOUR_US = 3_600_000_000
HELD = Credential(NAME, digest_of(SECRET))
tokens = st.text("abcXYZ019_-", min_size=1, max_size=48)


def asks(secret: str = SECRET, client_id: str = str(NAME), *, is_mqtt: bool = True) -> ConnectRequest:
    return ConnectRequest(str(NAME), secret, client_id, "10.0.0.7", is_mqtt)


@given(school=tokens, device=tokens)
def test_a_name_is_read_back_and_its_topics_are_its_own(school: str, device: str) -> None:
    name = DeviceName(school, device)
    assert parse_device_name(str(name)) == name
    topic = parse_topic(f"{name.topics('79')}status")
    assert topic is not None
    assert (topic.school, topic.device) == name


@pytest.mark.parametrize(
    "text", ["", "a", "a/", "/b", "a/b/c", "a b/c", "a:b", "#/+", "a.b/c", "a/" + "b" * 49]
)
def test_what_is_no_name(text: str) -> None:
    assert parse_device_name(text) is None


def test_a_secret_has_all_its_chance_and_is_kept_as_a_digest() -> None:
    assert len(SECRET) == 52
    assert digest_of(SECRET) == hashlib.sha256(SECRET.encode()).digest()
    assert derived_secret(b"a", NAME) != derived_secret(b"b", NAME)
    assert len(derived_secret(b"a", NAME)) == 52


def test_rights_are_of_the_own_topics_and_end_by_no_clock() -> None:
    found = judge(asks(), HELD, "79", NOW_US)
    own = "edu.v1.79.79010042.gw-1.>"
    assert found == DeviceRights((own, f"slice.*.{own}"), None)


@pytest.mark.parametrize(
    ("request_", "held", "denial"),
    [
        (asks(), None, ConnectDenial.UNKNOWN),
        (asks(secret=""), HELD, ConnectDenial.WRONG_SECRET),
        (asks(client_id="79010043/gw-1"), HELD, ConnectDenial.FOREIGN_CLIENT_ID),
        (asks(client_id=""), HELD, ConnectDenial.FOREIGN_CLIENT_ID),
        (asks(), HELD._replace(revoked=True), ConnectDenial.REVOKED),
        (asks(secret="x"), HELD._replace(revoked=True), ConnectDenial.WRONG_SECRET),
    ],
)
def test_who_is_not_let_in(request_: ConnectRequest, held: Credential | None, denial: ConnectDenial) -> None:
    assert judge(request_, held, "79", NOW_US) is denial


def test_a_former_secret_opens_until_its_hour_and_no_connection_outlasts_it() -> None:
    rotated = Credential(NAME, digest_of("new"), NOW_US, digest_of(SECRET), NOW_US + HOUR_US)
    found = judge(asks(), rotated, "79", NOW_US)
    assert isinstance(found, DeviceRights)
    assert found.until_s == (NOW_US + HOUR_US) // 1_000_000
    assert judge(asks(), rotated, "79", NOW_US + HOUR_US) is ConnectDenial.WRONG_SECRET
    assert isinstance(judge(asks("new"), rotated, "79", NOW_US + HOUR_US), DeviceRights)


def test_the_book_knows_whose_connection_may_not_stay() -> None:
    book, other = Book(Shares(1e9, NOW_US - HOUR_US)), DeviceName("79010043", "gw-1")

    def stays(name: str = str(NAME), started_us: int = NOW_US - 1, now_us: int = NOW_US + 1) -> bool:
        return not book.is_unwanted(name, started_us, now_us)

    everybody = (HELD, Credential(other, b"o" * 32))
    assert book.take(CredentialChange(everybody, is_all=True, province="79")) == set()
    assert stays()
    assert stays(str(other))
    assert stays("79/nobody")  # another authoriser may have known it sooner
    assert not stays("79/nobody", NOW_US - NEW_US)
    assert stays("eduops-ingest-0ff-all")

    rotated = Credential(NAME, digest_of("new"), NOW_US, digest_of(SECRET), NOW_US + HOUR_US)
    assert book.take(CredentialChange((rotated,), is_all=False, province="79")) == {str(NAME)}
    assert book.take(CredentialChange((rotated,), is_all=False, province="79")) == set()
    assert stays()
    assert book.ended(NOW_US) == set()
    assert book.ended(NOW_US + HOUR_US) == {str(NAME)}
    assert book.ended(NOW_US + HOUR_US) == set()
    assert not stays(now_us=NOW_US + HOUR_US)
    assert stays(started_us=NOW_US, now_us=NOW_US + HOUR_US)  # it came with the new one

    book.take(CredentialChange((rotated._replace(revoked=True),), is_all=False, province="79"))
    assert not stays(started_us=NOW_US)
    assert stays(str(other))


def noted(book: Book, request: ConnectRequest, now_us: int) -> DeviceRights | ConnectDenial:
    found = book.judge(request, now_us)
    book.note(request, found, now_us)
    return found


def test_the_book_notes_who_was_seen_and_forgets_nothing_that_could_not_be_kept() -> None:
    book = Book(Shares(1e9, NOW_US - HOUR_US))
    book.take(CredentialChange((HELD,), is_all=True, province="79"))
    for secret in ("wrong", SECRET):
        noted(book, asks(secret), NOW_US)
    assert noted(book, ConnectRequest("device", SECRET, "x", ""), NOW_US) is ConnectDenial.NO_DEVICE
    assert noted(book, asks(is_mqtt=False), NOW_US) is ConnectDenial.NO_DEVICE
    (seen,) = first = book.sightings()
    assert (seen.connected_us, seen.address, seen.refusals, seen.refused_for) == (
        NOW_US, "10.0.0.7", 1, "wrong_secret",
    )  # fmt: skip
    noted(book, asks("wrong"), NOW_US + 1)
    book.put_back(first)
    (both,) = book.sightings()
    assert (both.connected_us, both.refused_us, both.refusals) == (NOW_US, NOW_US + 1, 2)
    assert book.sightings() == []


def test_a_name_is_twice_after_three_takeovers_and_told_once() -> None:
    book = Book(Shares(1e9, NOW_US - HOUR_US))
    book.take(CredentialChange((HELD,), is_all=True, province="79"))
    told = [book.is_twice(str(NAME), NOW_US + i) for i in range(TWICE_TAKEOVERS + 1)]
    assert told == [False] * (TWICE_TAKEOVERS - 1) + [True, False]
    slowly = [book.is_twice(str(NAME), NOW_US + (i + 2) * TWICE_WITHIN_US) for i in range(5)]
    assert not any(slowly)
    assert not book.is_twice("eduops-ingest", NOW_US)


def test_a_file_of_secrets_is_read_and_what_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "given.csv"
    file.write_text("\ufeffschool,device,secret\n79010042,gw-1,\n79010042,att-1," + "A" * 32 + "\n", "utf-8")
    assert read_secrets(file) == {NAME: "", DeviceName("79010042", "att-1"): "A" * 32}
    excel = "sep=;\r\nMã trường; THIẾT BỊ ;Mật khẩu\r\n79010042;gw-1;" + "A" * 32 + "\r\n;;\r\n"
    for content in (excel.encode("utf-8-sig"), excel.encode("utf-16"), excel.replace(";", "\t").encode()):
        file.write_bytes(content)
        assert read_secrets(file) == {NAME: "A" * 32}
    for text, why in (
        ("school,secret\n", "lacks the columns device"),
        ("school,device\n79010042\n", "line 2: 79010042/ is no device"),
        ("school,device\n" + "a" * 150_000 + ",gw-1\n", "line 2: A cell has 150,000 characters"),
        ("school,device\na,b\x00\n", "line 2: An invisible character"),
        ('school,device\na,"b\n', "line 2: A quotation mark"),
        ("school,device,secret\na,b," + "A" * 30 + " " + "A" * 30 + "\n", "without a blank"),
        ("school,device\na b,gw-1\n", "line 2"),
        ("school,device\na,b\na,b\n", "is there twice"),
        ("school,device,secret\na,b,short\n", "5 letters"),
    ):
        file.write_text(text, "utf-8")
        with pytest.raises(ConfigurationError, match=why):
            read_secrets(file)
    write_new(tmp_path / "new.csv", csv_text(("a", "b"), [("1", "2")]))
    assert (tmp_path / "new.csv").stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigurationError, match="exists"):
        write_new(tmp_path / "new.csv", "")


def test_what_mosquitto_gets_names_the_device_and_not_its_secret() -> None:
    assert mosquitto_hash(SECRET).startswith("$7$1$")
    assert SECRET not in mosquitto_hash(SECRET)
    assert f"user {NAME}\ntopic write edu/v1/79/79010042/gw-1/#\n" in rights("service", "79", [NAME])
