"""Settings: sources and their order, ranges, sentences, and what children get."""

from pathlib import Path

import pytest

from contract.errors import ConfigurationError
from eduops.settings import ENV_PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDUOPS_DATA", str(tmp_path))
    monkeypatch.delenv("EDUOPS_PORT", raising=False)


def test_the_strongest_source_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().port == 8050
    (tmp_path / "eduops.toml").write_text("port = 1\n")
    assert load_settings().port == 1
    other = tmp_path / "other.toml"
    other.write_text("port = 2\n")
    assert load_settings(other).port == 2
    monkeypatch.setenv("EDUOPS_PORT", "3")
    assert load_settings(other).port == 3
    assert load_settings(other, {"port": 4}).port == 4
    assert load_settings(other, {"port": None}).port == 3


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("port = 99999", r"'port' \(EDUOPS_PORT\) is 99999"),
        ("prot = 1", "'prot' is unknown"),
        ("port = ", "not TOML"),
        ('sync_interval = "sometimes"', "sync_interval"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "eduops.toml").write_text(line + "\n")
    with pytest.raises(ConfigurationError, match=sentence):
        load_settings()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_children_get_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = load_settings().but(port=7, clock_factor=60.0, nats_password="x", database_url="postgresql://h/d")
    for name, value in given.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == given


def test_no_password_is_shown() -> None:
    shown = repr(load_settings().but(nats_password="secret-1", device_password="secret-2"))
    assert "secret" not in shown


def test_every_setting_is_described_and_has_a_variable() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description
        assert field.description.endswith(".")
        assert f"{ENV_PREFIX}{name.upper()}".isupper()
