"""docs/configuration.md tells every setting as the code has it."""

import re
from pathlib import Path

from config.files import EDITABLE
from eduops.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE))


def test_every_setting_has_its_row_and_no_row_is_too_many() -> None:
    assert set(ROWS) == set(Settings.model_fields)


def test_every_row_tells_default_and_meaning() -> None:
    for name, field in Settings.model_fields.items():
        default, meaning = ROWS[name].split(" | ", 1)
        assert meaning == field.description
        if field.default is None:
            assert default == "none"
        elif name != "data":
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert default == f"`{shown}`"


def test_every_editable_file_is_named() -> None:
    assert all(f"`{name}`" in TEXT for name in EDITABLE)
