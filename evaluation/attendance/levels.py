"""The level of New York's schools, as far as their names say it."""

import csv
import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = "nyc_attendance/schools.csv"
LEVELS: Final = (
    ("high", re.compile(r"(?<!JUNIOR )HIGH SCH|(?<!\bJ\.)\bH\.S")),
    ("middle", re.compile(r"MIDDLE|INTERMEDIATE|\b[IMJ]\.?H?\.?S\b|JUNIOR")),
    ("primary", re.compile(r"^P\.?S")),
)
"""Looked for in this order."""


def levels_of(folder: Path, codes: tuple[str, ...]) -> NDArray[np.str_]:
    """Return the level of schools by their codes, empty where the name does not say it, shape (n,)."""
    with (folder / FILE).open(encoding="utf-8", newline="") as file:
        name = {row["dbn"]: row["name"].upper() for row in csv.DictReader(file)}
    return np.array([level_of(name.get(code, "")) for code in codes])


def level_of(name: str) -> str:
    """Return what a school's name says, in capitals."""
    return next((level for level, pattern in LEVELS if pattern.search(name)), "")
