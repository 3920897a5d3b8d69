"""docs/alerting.md tells every label that a silence may ask for, and the bounds that hold."""

import re
from pathlib import Path

from alerting.silences.labels import CENTER, labels_of
from alerting.silences.validity import FREQUENCIES, OF_MONTHS, PARTS
from contract.alert import Alert
from contract.fleet import LEVELS, DeviceKind, Fleet
from contract.routing.silence import DAY_US, LONGEST_RECURRING_US, LONGEST_US, SilenceKind

DOC = (Path(__file__).parents[2] / "docs" / "alerting.md").read_text(encoding="utf-8")
SECTION = DOC.partition("\n## Silences and maintenance\n")[2].partition("\n## ")[0]
LABELS = dict(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*) \|$", SECTION, re.MULTILINE))


def test_every_label_is_told(city: Fleet) -> None:
    device = city.devices[0]
    alert = Alert("a", "wan_down", device.id << 8, device.school_id, 1, 0, 0, None, None, None, None, 1)
    told = {name for names in LABELS for name in re.findall(r"\w+", names)}
    assert told == labels_of(alert, city).keys()
    kinds = [kind.value for kind in DeviceKind]
    assert re.findall(r"`(\w+)`", LABELS["`system`"]) == [*kinds, CENTER]
    assert re.findall(r"`(\w+)`", LABELS["`level`"]) == [level.value for level in LEVELS]


def test_bounds_and_words_are_told() -> None:
    assert f"{LONGEST_US // DAY_US} days at most" in SECTION
    assert f"{LONGEST_RECURRING_US // DAY_US} days away at most" in SECTION
    words = {*FREQUENCIES, *OF_MONTHS, *(PARTS - {"FREQ", "WKST"}), *(kind.value for kind in SilenceKind)}
    assert {word for word in words if f"`{word}`" not in SECTION} == set()
