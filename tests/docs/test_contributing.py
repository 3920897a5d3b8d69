"""CONTRIBUTING.md's lists of files: each is followed to the letter in a copy of the tree, and must do."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NOT_COPIED = shutil.ignore_patterns(".*", "screens", "build", "dist", "*.egg-info")
Edit = Callable[[str], str]


def after(mark: str, more: str) -> Edit:
    """Return an edit that puts lines behind the first line that is `mark`."""
    return lambda text: text.replace(f"{mark}\n", f"{mark}\n{more}", 1)


def at_end(more: str) -> Edit:
    """Return an edit that appends lines."""
    return lambda text: text + more


class Newcomer(NamedTuple):
    """What is added: an edit a file, and what must hold when these are done."""

    edits: Mapping[str, Edit]
    proof: str
    """A program that ends well where the product knows the newcomer."""
    tests: tuple[str, ...]
    """Tests of the copy that must pass with it."""


METRIC: Final = """
[[metric]]
id = 201
name = "wifi_clients"
stream = "bandwidth"
unit = "count"
low = 0.0
high = 1e5
cadence_s = 10.0
stale_s = 60.0
heartbeat = false
meaning_vi = "Số thiết bị đang nối mạng không dây của trường"
meaning_en = "Devices on the school's wireless network"
source = "RFC 8428 unit count"
"""
RULE: Final = """
[[rule]]
name = "upload_flood"
metric = "up_bps"
channel = "threshold"
above = 9e10
priority = 3
priority_in_session = 2
title_vi = "Tải lên quá nhiều"
title_en = "Too much upload"
advice_vi = "Hỏi nhà trường đang sao lưu gì."
advice_en = "Ask the school what it is backing up."
"""
PAGE: Final = '''
"""What this is (pure)."""

from dash import html

from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.header import page_header


def about_page(texts: Texts, language: Language) -> html.Div:
    """Return the page."""
    main = html.Main(texts.say("about.what", language), id="main")
    return html.Div([page_header(texts, language, "/about"), main], **attributes(data_page="about"))
'''
MAKER: Final = """
from ops_dashboard.pages.about import about_page

async def _about(services: Services, _: str, query: dict[str, str], language: Language) -> Any:
    return about_page(services.texts, language)


"""
DETECTOR: Final = '''
"""The exponentially weighted baseline that forgets within a week. Source: Roberts 1959."""

from dataclasses import dataclass

from anomaly.ew import ExponentiallyWeighted


@dataclass(frozen=True, slots=True)
class Newcomer(ExponentiallyWeighted):
    """The baseline under a name of its own."""

    name: str = "newcomer"
'''
NEWCOMERS: Final = {
    "A metric": Newcomer(
        {"config/metrics.toml": at_end(METRIC)},
        """
from tests.unit.test_ingest_accept import GATEWAY, NOW_S, Registry, take, fleet
from config.files import load_configuration
from contract.texts import Language
from config.files import shipped_texts
from ops_dashboard.view.words import page_words
from pathlib import Path
own = load_configuration(Path("none"))
taken = take(Registry(fleet.__wrapped__(), own.catalogue, 4), GATEWAY,
             [{"bt": NOW_S, "n": "wifi_clients", "u": "count", "v": 12}])
assert not taken.rejected, taken.rejected
words = page_words(
    shipped_texts(), Language.VI, own.rules, own.catalogue, own.targets, build="", topology="", zone=""
)
assert words.metrics[201].name == "wifi_clients"
""",
        ("tests/unit/test_contract_files.py", "tests/docs/test_words_documented.py"),
    ),
    "A rule": Newcomer(
        {"config/rules.toml": at_end(RULE)},
        """
from contract.entry import ReadingsEntry
from tests.fold_world import MONDAY_9H_US, columns, fold_log, packaged, series_named, small_fold
flood = columns([(MONDAY_9H_US, series_named(1, "up_bps"), 9.5e10)])
told = fold_log(small_fold(rules=packaged("rules.toml")), [[ReadingsEntry(MONDAY_9H_US, flood)]])
assert "upload_flood" in str(told.transitions), told.transitions
""",
        ("tests/unit/test_contract_files.py", "tests/docs/test_words_documented.py"),
    ),
    "A page": Newcomer(
        {
            "ops_dashboard/pages/about.py": at_end(PAGE),
            "ops_dashboard/pages/registry.py": after(
                '    Page("wall", "/", Permission.SEE_WALL, "nav.wall", rewind=Rewind.PLAYS, script="wall"),',
                '    Page("about", "/about", Permission.LOAD_PAGE, "nav.about"),\n',
            ),
            "ops_dashboard/pages/router.py": lambda text: after(
                '    "wall": _wall,', '    "about": _about,\n'
            )(text.replace("Maker = Callable", f"{MAKER}Maker = Callable", 1)),
            "config/texts.toml": lambda text: (
                after("[nav]", 'about = { vi = "Giới thiệu", en = "About" }\n')(text)
                + '\n[about]\nwhat = { vi = "Trung tâm.", en = "The center." }\n'
            ),
        },
        """
import asyncio
from pathlib import Path
from types import SimpleNamespace
from config.files import load_configuration, shipped_texts
from contract.access.area import CITY
from contract.access.decision import Principal
from contract.access.permission import Role
from contract.texts import Language
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.access.asking import asked_by
from ops_dashboard.access.register import Bearer
from ops_dashboard.app import create_app
from ops_dashboard.config import DashboardConfig
from ops_dashboard.pages.router import make_page
from storage.people.credentials import CredentialKind
services = SimpleNamespace(texts=shipped_texts())
with asked_by(Bearer(CredentialKind.SESSION, Principal("Lan", Role.LEADER, CITY), b"")):
    page = str(asyncio.run(make_page(services, "/about", "", Language.VI)))
assert "Trung tâm." in page and "Giới thiệu" in page, page
own, nowhere = load_configuration(Path("none")), DashboardConfig("postgresql://127.0.0.1:1/none", 4, "b")
fleet = generate_fleet(schools=2)
app = create_app(nowhere, None, None, fleet, own.catalogue, own.calendar, own.rules)
assert "/about" in {getattr(route, "path", "") for route in app.routes}
""",
        ("tests/unit/test_texts.py", "tests/unit/test_ops_dashboard_words.py"),
    ),
    "A detector": Newcomer(
        {
            "anomaly/newcomer.py": at_end(DETECTOR),
            "anomaly/detector.py": lambda text: after(
                "DETECTORS: Mapping[str, Registered] = {",
                '    "newcomer": Registered(Newcomer(), "Roberts 1959"),\n',
            )(after("from anomaly.moments import Moments", "from anomaly.newcomer import Newcomer\n")(text)),
        },
        """
from anomaly.detector import detector_named
assert detector_named("newcomer").name == "newcomer"
""",
        ("tests/laws/test_detector_battery.py::test_the_unheard_is_unknown_and_never_zero",),
    ),
}


def files_listed(title: str) -> list[str]:
    """Return the files of a list of the guide."""
    section = GUIDE.partition(f"\n### {title}\n")[2].partition("\n##")[0]
    return re.findall(r"^- `([^`]+)`:", section, re.MULTILINE)


def test_every_list_of_the_guide_is_followed() -> None:
    assert re.findall(r"^### (.*)$", GUIDE, re.MULTILINE) == list(NEWCOMERS)


@pytest.mark.parametrize("title", NEWCOMERS)
def test_the_listed_files_and_no_other_add_it(tmp_path: Path, title: str) -> None:
    newcomer = NEWCOMERS[title]
    own = next((Path(path).stem for path in newcomer.edits if not (ROOT / path).exists()), "")
    listed = [path.replace("NAME", own) for path in files_listed(title)]
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    for path in listed:
        file = tree / path
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after_edit = newcomer.edits[path](before)
        assert after_edit != before, f"{path} has no place for the newcomer"
        file.write_text(after_edit, encoding="utf-8")
    python = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.')\n{newcomer.proof}"]
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *newcomer.tests]
    for argv in (python, pytest_):
        done = subprocess.run(
            argv,
            cwd=tree,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{listed} do not suffice:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
