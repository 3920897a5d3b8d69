"""`eduops routes test` and `eduops oncall` on files alone: tables, JSON, and one sentence for a bad file."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from tests.unit.conftest import Run

OWN = """
[[person]]
name = "An"
channels = ["tgram://S3CRET/11", "mailto://an:S3CRET@example.edu.vn"]
[[rota]]
name = "crew"
[[rota.layer]]
people = ["An"]
handover = 2026-11-02T08:00:00
period = "7d"
[[route]]
name = "lines"
match = { cause = "isp_ward", cluster = "Sài Gòn", pupils_from = 900 }
contacts = ["crew"]
"""


@pytest.fixture
def run(tmp_path: Path, run: Run) -> Run:
    """Run the command line on a data folder with routes of its own."""
    (tmp_path / "config").mkdir()
    packaged = (files("config") / "routes.toml").read_text("utf-8")
    (tmp_path / "config" / "routes.toml").write_text(packaged + OWN, encoding="utf-8")
    return lambda *words: run(*words, "--data", str(tmp_path))


ASKED = ("routes", "test", "--isp", "VNPT", "--ward", "Tân Định", "--at", "2026-11-25T22:40")


def test_a_made_up_incident_is_routed(run: Run) -> None:
    said = run(*ASKED, "--pupils", "900")
    assert said.code == 0, said.err
    assert re.search(r"lines +takes it$", said.out, re.MULTILINE)
    assert "Wed 2026-11-25 22:40:30  An (tgram, mailto)  crew, line" in said.out
    assert "S3CRET" not in said.out
    said = run(*ASKED, "--pupils", "899")
    assert "no: 899 pupils, pupils_from is 900" in said.out
    assert "inbox (inbox)" in said.out


def test_who_is_outside_of_their_area_is_shown(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "config" / "routes.toml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace('name = "An"', 'name = "An"\narea = "Bến Thành"', 1), encoding="utf-8")
    said = run(*ASKED, "--pupils", "900", "--hours", "1")
    assert "step 1: not told, outside the area of An (Bến Thành)" in said.out


def test_an_account_of_which_nobody_knows_what_it_sees_is_named(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "config" / "routes.toml"
    text = own.read_text(encoding="utf-8")
    own.write_text(text.replace('name = "An"', 'name = "An"\nuser = "an@school"', 1), encoding="utf-8")
    said = run(*ASKED, "--pupils", "900", "--hours", "1")
    assert "it opened; as far as the account an@school may see it" in said.out


def test_programs_get_json(run: Run) -> None:
    said = run(*ASKED, "--pupils", "900", "--hours", "1", "--json")
    found = json.loads(said.out)
    assert "S3CRET" not in said.out
    assert [(n["to"], n["channels"], n["route"]) for n in found["notices"]] == [
        ("An", ["tgram", "mailto"], "lines")
    ]
    assert found["facts"]["cluster"] == ["01", "Sài Gòn"]
    assert [(r["route"], r["reason"]) for r in found["routes"]] == [
        ("everything", "child_chosen"),
        ("can wait", "no_match"),
        ("lines", "chosen"),
    ]


REPORTS = """
[[report]]
name = "evening"
span = "day"
at = 17:30:00
contacts = ["crew", "inbox"]
formats = ["pdf", "excel"]
[[report]]
name = "year"
span = "term"
at = 07:30:00
contacts = ["inbox"]
"""


def test_when_the_next_reports_go_to_whom_is_said(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "config" / "routes.toml"
    own.write_text(own.read_text(encoding="utf-8") + REPORTS, encoding="utf-8")
    said = run(*ASKED).out.splitlines()[-2:]
    assert [line.partition(", ")[2] for line in said] == [
        "report evening: Thu 2026-11-26 17:30:00, the day that ends on Thu 2026-11-26, as pdf, excel, "
        "to An (tgram, mailto), inbox (inbox)",
        "report year: Tue 2027-06-01 07:30:00, the term that ends on Mon 2027-05-31, as pdf, "
        "to inbox (inbox)",
    ]
    (evening, _) = json.loads(run(*ASKED, "--json").out)["reports"]
    assert (evening["last"], evening["to"]) == ("2026-11-26", {"An": ["tgram", "mailto"], "inbox": ["inbox"]})


def test_who_is_on_duty_is_told(run: Run) -> None:
    words = ("oncall", "--at", "2026-11-25T22:40", "--days", "2")
    assert "crew  Wed 2026-11-25 22:40:00  Fri 2026-11-27 22:40:00  An" in run(*words).out
    turns = json.loads(run(*words, "--json").out)["rotas"]["crew"]
    assert [turn["person"] for turn in turns] == ["An"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--ward", "Atlantis"), "no ward is called 'Atlantis'"),
        (("--cluster", "Atlantis"), "no cluster is called 'Atlantis'"),
        (("--cause", "weather"), "--cause is 'weather'; it is one of system, fleet"),
        (("--at", "yesterday"), "--at is 'yesterday'"),
        (("none.toml",), "none.toml cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(run: Run, words: tuple[str, ...], says: str) -> None:
    said = run("routes", "test", *words)
    assert said.code == 1
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_bad_file_ends_in_its_sentence(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[[route]]\nname = "all"\ncontacts = ["nobody"]\n', encoding="utf-8")
    said = run("routes", "test", str(bad))
    assert said.code == 1
    assert "bad.toml: routes.toml, line 3: route 'all': `contacts` names no person" in said.err
    (tmp_path / "config" / "routes.toml").write_bytes(bad.read_bytes())
    for words in (("oncall",), ("routes", "test")):
        said = run(*words)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("eduops: routes.toml, line 3: ")
