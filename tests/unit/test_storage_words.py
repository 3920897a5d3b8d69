"""The small pure parts of storage: moments, named queries, migrations, ranges of buckets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigurationError
from storage.database import migrations, prepare_database
from storage.moment import EPOCH, moment
from storage.queries import QUERY_FILES, query, sql_file
from storage.upkeep.maintenance import WIDTHS, bucket_start, ranges_of


@given(st.integers(0, 4_102_444_800_000_000))
def test_moment_is_exact_to_the_microsecond(time_us: int) -> None:
    difference = moment(time_us) - EPOCH
    assert (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds == time_us


def test_no_time_is_no_moment() -> None:
    assert moment(None) is None
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)


def query_names() -> list[str]:
    lines = [line for file in QUERY_FILES for line in sql_file(file).splitlines()]
    return [line.split(": ")[1] for line in lines if line.startswith("-- name: ")]


def test_queries_are_found_by_name_and_stand_once() -> None:
    names = query_names()
    assert len(names) == len(set(names))
    assert query("load_position").startswith("select")
    with pytest.raises(KeyError):
        query("no_such_query")


def test_every_named_query_is_used() -> None:
    code = "".join(file.read_text() for file in (Path(__file__).parents[2] / "storage").rglob("*.py"))
    names = query_names()
    composed = {f"history_{w.name}" for w in WIDTHS} | {f"roll_{w.name}" for w in WIDTHS}
    assert [name for name in names if f'"{name}"' not in code and name not in composed] == []


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize(("chunk_h", "raw_retention_h"), [(0, 50), (6, 48), (6, float("nan"))])
def test_impossible_widths_are_refused_before_connecting(chunk_h: float, raw_retention_h: float) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        prepare_database("host=nowhere.invalid", chunk_h=chunk_h, raw_retention_h=raw_retention_h)


def test_neighbouring_buckets_become_one_range() -> None:
    assert ranges_of([0, 10, 20, 50], 10) == [(0, 30), (50, 60)]
    assert ranges_of([], 10) == []


def test_days_begin_at_midnight_in_vietnam() -> None:
    just_after_midnight = int(datetime(2026, 11, 22, 17, 0, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert moment(bucket_start(just_after_midnight, WIDTHS[2])) == datetime(2026, 11, 22, 17, tzinfo=UTC)
