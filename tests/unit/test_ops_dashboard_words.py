"""Settings, origins, topology and the rules that the code of the pages keeps."""

import ast
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from config.files import load_targets, shipped_texts
from contract.access.address import is_loopback
from contract.catalogue import Catalogue
from contract.errors import ConfigurationError
from contract.fleet import Fleet
from contract.rule import Rule
from contract.texts import Language
from ops_dashboard.access.guard import same_origin, security_headers
from ops_dashboard.charts.school_charts import series_by_metric
from ops_dashboard.config import DashboardConfig
from ops_dashboard.language import choose_language
from ops_dashboard.view.topology import make_topology
from ops_dashboard.view.words import page_words, page_words_json
from tests.source_tree import source_tree

PACKAGE = Path(__file__).parents[2] / "ops_dashboard"
SCRIPT_LINES_MAX = 400
TARGETS = load_targets(None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_flag(host: str) -> None:
    assert is_loopback(host)
    assert DashboardConfig("dsn", 4, "b", host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "eduops.example", ""])
def test_beyond_loopback_needs_the_flag(host: str) -> None:
    with pytest.raises(ConfigurationError, match="no certificate"):
        DashboardConfig("dsn", 4, "b", host=host)
    assert DashboardConfig("dsn", 4, "b", host=host, insecure_network=True).host == host


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", 0),
        ("coverage_min", 1.1),
        ("summary_stale_s", 1.0),
        ("heal_s", 0.0),
        ("client_queue", 1),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=name):
        replace(DashboardConfig("dsn", 4, "b"), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "wall:80"}, True),
        ({"host": "wall:80", "origin": "http://wall:80"}, True),
        ({"host": "wall:80", "origin": "http://wall"}, False),
        ({"host": "wall:80", "origin": "http://wall:80.evil.example"}, False),
        ({"host": "wall:80", "origin": "null"}, False),
        ({"host": "wall:80", "origin": ""}, False),
        ({"origin": "http://wall:80"}, False),
    ],
)
def test_origins(headers: dict[str, str], expected: bool) -> None:
    assert same_origin(headers) is expected


def test_the_policy_names_only_ourselves() -> None:
    policy = security_headers(["'sha256-x'"])["Content-Security-Policy"]
    assert "http" not in policy
    assert "script-src 'self' 'sha256-x';" in policy


def test_the_address_decides_before_the_cookie() -> None:
    assert choose_language({}, {}) is Language.VI
    assert choose_language({}, {"eduops_language": "en"}) is Language.EN
    assert choose_language({"lang": "vi"}, {"eduops_language": "en"}) is Language.VI
    assert choose_language({"lang": "fr"}, {"eduops_language": "fr"}) is Language.VI


def test_a_school_has_charts_of_what_is_published_of_it(catalogue: Catalogue, city: Fleet) -> None:
    school = city.schools[0]
    devices = [d for d in city.devices if d.school_id == school.id]
    found = series_by_metric(school, devices, catalogue).keys()
    assert {"attendance_ratio", "active_users", "down_bps"} <= found
    assert not {"enrolled", "present", "late", "absent"} & found
    assert "attendance_ratio" not in series_by_metric(replace(school, pupils=18), devices, catalogue)


def test_the_topology_keeps_the_order_of_the_fleet(city: Fleet) -> None:
    topology = make_topology(city)
    assert [row.code for row in topology.schools] == [s.code for s in city.schools]
    row, school = topology.schools[7], city.schools[7]
    name, short_name, cluster = topology.wards[row.ward]
    ward = city.ward_by_code[school.ward_code]
    assert (name, short_name) == (ward.name, ward.short_name)
    assert topology.clusters[cluster] == city.cluster_by_code[ward.cluster_code].name
    assert topology.isps[row.isp] == school.isp


def test_words_cannot_leave_their_element(catalogue: Catalogue, rules: tuple[Rule, ...]) -> None:
    for language in Language:
        words = page_words(
            shipped_texts(),
            language,
            rules,
            catalogue,
            TARGETS,
            build="</script><b>",
            topology="t",
            zone="UTC",
        )
        written = page_words_json(words)
        assert "<" not in written
        assert msgspec.json.decode(written)["build"] == "</script><b>"


def test_every_callback_is_async() -> None:
    callbacks = [
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(source_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(".callback(" in ast.unparse(d) + "(" for d in node.decorator_list)
    ]
    assert callbacks
    blocking = [node.name for node in callbacks if isinstance(node, ast.FunctionDef)]
    assert blocking == [], "a blocking callback stops every push"


def test_every_route_is_async() -> None:
    blocking = [
        f"{path.name}:{node.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(source_tree(path))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(d).startswith("router.") for d in node.decorator_list)
    ]
    assert blocking == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "assets").rglob("*.*")), ids=lambda p: p.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    if path.suffix not in (".js", ".css", ".svg"):
        return
    source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in source
    assert "https://" not in source
    assert "innerHTML" not in source
    assert len(source.splitlines()) < SCRIPT_LINES_MAX
