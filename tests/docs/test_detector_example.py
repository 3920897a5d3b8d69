"""The example by which a harness of somebody else's uses a detector, as docs/detection.md prints it."""

import re
from pathlib import Path
from typing import Any

DOC = (Path(__file__).parents[2] / "docs" / "detection.md").read_text(encoding="utf-8")


def test_the_example_runs_and_finds_what_was_put_in() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["strange"].tolist() == [15_000]
