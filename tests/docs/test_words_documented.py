"""Every verb, metric, reason and rule is documented where a person looks for it."""

import tomllib
from pathlib import Path

import pytest
import typer.main

from contract.catalogue import Catalogue
from contract.rejected import Reason
from contract.rule import Rule
from eduops.cli import app

ROOT = Path(__file__).parents[2]
DOCS = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
)
TEXTS = tomllib.loads((ROOT / "config" / "texts.toml").read_text(encoding="utf-8"))
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_verb_has_a_sentence_and_stands_in_the_documents(verb: str) -> None:
    assert COMMANDS[verb].help or COMMANDS[verb].short_help
    assert f"eduops {verb}" in DOCS or f'"{verb}"' in DOCS


@pytest.mark.parametrize("reason", list(Reason))
def test_reason_has_a_sentence_in_both_languages(reason: Reason) -> None:
    sentence = TEXTS["reason"][reason.value]
    assert sentence["vi"]
    assert sentence["en"]


def test_every_metric_says_what_it_means_and_whose_definition_it_is(catalogue: Catalogue) -> None:
    for metric in catalogue.metrics:
        assert metric.meaning_vi
        assert metric.meaning_en
        assert metric.source


def test_every_rule_says_what_to_do(rules: tuple[Rule, ...]) -> None:
    for rule in rules:
        assert rule.title_vi
        assert rule.title_en
        assert rule.advice_vi.endswith(".")
        assert rule.advice_en.endswith(".")
