"""docs/alerting.md lists every field of routes.toml, and its example answers as it says."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.figures.spans import SpanKind
from contract.incident import CauseKind
from contract.routing import contact_tables, report_tables, routes_file
from contract.routing.report import ReportFormat
from contract.routing.route import ActiveTime
from contract.routing.routes_file import parse_routes
from eduops.cli import main

DOCS = Path(__file__).parents[2] / "docs"
DOC = (DOCS / "alerting.md").read_text(encoding="utf-8")
TABLES: dict[str, type[msgspec.Struct]] = {
    "### `[[person]]`": contact_tables._Person,
    "### `[[channel]]`": contact_tables._Channel,
    "### `[[rota]]`": contact_tables._Rota,
    "`[[rota.layer]]`": contact_tables._Layer,
    "`[[rota.override]]`": contact_tables._Override,
    "### `[[escalation]]`": contact_tables._Escalation,
    "`[[escalation.step]]`": contact_tables._Step,
    "### `[[route]]`": routes_file._Route,
    "### `[[report]]`": report_tables._Report,
    "`match` has any of these": routes_file._Match,
}


def rows(head: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of the first table below a line, each with what follows its name."""
    below = re.split(rf"^{re.escape(head)}", DOC, flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert table
    for row in table[0].splitlines()[2:]:
        names, rest = row.strip("| ").split("|", 1)
        yield from ((name, rest) for name in re.findall(r"`(\w+)`", names))


@pytest.mark.parametrize("head", TABLES)
def test_every_field_is_documented(head: str) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(TABLES[head])}
    assert {name for name, _ in rows(head)} == fields


@pytest.mark.parametrize(
    ("head", "field"),
    [("### `[[rota]]`", "timezone"), ("### `[[person]]`", "language"), ("### `[[escalation]]`", "repeat")],
)
def test_defaults_are_those_of_the_code(head: str, field: str) -> None:
    default: Any = next(f.default for f in msgspec.structs.fields(TABLES[head]) if f.encode_name == field)
    shown = f'"{default}"' if isinstance(default, str) else str(default)
    assert f"`{shown}`" in dict(rows(head))[field]


def test_delays_of_the_root_are_documented() -> None:
    told = dict(rows("### `[[route]]`"))
    assert all(f"`{value}`" in told[field] for field, value in routes_file.DEFAULTS.items())
    assert f"`{routes_file.DIGEST_AT}`" in told["digest_at"]


def test_every_word_of_a_field_is_documented() -> None:
    assert all(
        f"`{word}`" in dict(rows("### `[[route]]`"))["active_time"].replace('"', "") for word in ActiveTime
    )
    assert all(f"`{kind}`" in dict(rows("`match` has any of these"))["cause"] for kind in CauseKind)
    report = dict(rows("### `[[report]]`"))
    assert all(f"`{span}`" in report["span"] for span in SpanKind)
    assert all(f"`{form}`" in report["formats"] for form in ReportFormat)


def test_the_reports_of_the_example_can_be_ordered() -> None:
    section = (DOCS / "operating.md").read_text("utf-8").partition("\n## Reports by mail\n")[2]
    example = section.partition("```toml\n")[2].partition("```")[0]
    packaged = (DOCS.parent / "config" / "routes.toml").read_text("utf-8")
    orders = parse_routes(packaged + example).reports
    assert [(one.span, len(one.formats)) for one in orders] == [(SpanKind.DAY, 1), (SpanKind.WEEK, 2)]


def test_the_example_answers_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toml, asked, answer = re.findall(r"```(?:toml|sh|)\n(.*?)```", DOC, re.DOTALL)[:3]
    (tmp_path / "routes.toml").write_text(toml, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [*shlex.split(asked), "--data", str(tmp_path)])
    main_ended = False
    try:
        main()
    except SystemExit as ended:
        main_ended = not ended.code
    assert main_ended
    assert capsys.readouterr().out == answer
