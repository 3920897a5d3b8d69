"""What figures should be: `targets.toml`, and when a figure is past its target."""

import pytest

from config.files import load_targets
from contract.errors import ConfigurationError
from contract.figures.targets import Figure, parse_targets

REASON = 'reason_vi = "vì"\nreason_en = "because"\n'


def target(body: str) -> str:
    return f"[[target]]\n{body}{REASON}"


def test_every_figure_has_a_shipped_target() -> None:
    assert set(load_targets(None)) == set(Figure)


@pytest.mark.parametrize(
    ("value", "priority"), [(1.0, None), (0.99, None), (0.9899, 2), (0.95, 2), (0.9499, 1), (0.0, 1)]
)
def test_a_share_below_its_target(value: float, priority: int | None) -> None:
    wanted = parse_targets(target('figure = "connected"\nat_least = 0.99\nurgent = 0.95\n'))
    assert wanted[Figure.CONNECTED].priority(value) == priority


@pytest.mark.parametrize(("value", "priority"), [(0.0, None), (0.01, None), (0.02, 2), (0.051, 1)])
def test_a_share_above_its_target(value: float, priority: int | None) -> None:
    wanted = parse_targets(target('figure = "affected"\nat_most = 0.01\nurgent = 0.05\n'))
    assert wanted[Figure.AFFECTED].priority(value) == priority


@pytest.mark.parametrize(
    ("value", "usual", "priority"),
    [(80.0, 100.0, None), (79.0, 100.0, 2), (49.0, 100.0, 1), (0.0, None, None)],
)
def test_a_share_of_what_is_usual(value: float, usual: float | None, priority: int | None) -> None:
    body = 'figure = "elearning"\nof_usual = true\nat_least = 0.8\nurgent = 0.5\n'
    assert parse_targets(target(body))[Figure.ELEARNING].priority(value, usual) == priority


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[target", "targets.toml"),
        (target('figure = "weather"\nat_least = 1.0\nurgent = 0.5\n'), "weather"),
        (target('figure = "connected"\nurgent = 0.5\n'), "one of at_least and at_most"),
        (target('figure = "connected"\nat_least = 0.9\nat_most = 0.9\nurgent = 0.5\n'), "one of at_least"),
        (target('figure = "connected"\nat_least = 0.9\nurgent = 0.95\n'), "urgent = 0.95"),
        (target('figure = "affected"\nat_most = 0.05\nurgent = 0.01\n'), "urgent = 0.01"),
        (target('figure = "connected"\nat_least = 0.9\nurgent = 0.5\n') * 2, "given twice"),
        (target('figure = "connected"\nat_least = 0.9\nurgent = 0.5\n').replace("vì", " "), "its reason"),
    ],
)
def test_a_wrong_file_is_refused_by_figure(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_targets(text)
