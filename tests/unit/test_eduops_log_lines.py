"""Log lines: JSON that any log system reads, text for people, and no message that is lost."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eduops.log_lines import parse_template, say_failure, write_log


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, afterwards as it was before."""
    logger = logging.getLogger()
    handlers, level, hook = logger.handlers[:], logger.level, sys.excepthook
    yield logger
    logger.handlers[:], sys.excepthook = handlers, hook
    logger.setLevel(level)
    logging.captureWarnings(False)


def _written(style: str, message: object, *args: object, **more: Any) -> str:
    stream = io.StringIO()
    write_log("ingest-2", "INFO", style, stream)
    logging.getLogger("bus.mqtt").warning(message, *args, **more)
    return stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_a_stranger_sent_begins_no_line_and_commands_no_terminal(
    root: logging.Logger, style: str
) -> None:
    text = _written(style, "event=device_refused device=%s", "x\n2026 INFO all is well\x1b[2J")
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert "\\u001b[2J" in text


def test_a_json_line_has_the_events_fields(root: logging.Logger) -> None:
    template = "event=server_lost log=%s retry_s=%.1f: %s a=1"
    text = _written("json", template, "telemetry 0", 0.25, "no route")
    line = json.loads(text)
    assert text.count("\n") == 1
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "service": "ingest-2",
        "logger": "bus.mqtt",
        "event": "server_lost",
        "message": "event=server_lost log=telemetry 0 retry_s=0.2: no route a=1",
        "log": "telemetry 0",
        "retry_s": 0.25,
    }


def test_a_text_line_names_the_service(root: logging.Logger) -> None:
    assert _written("text", "event=tick_left_out log=%s: %s", "x", "no route").endswith(
        " WARNING ingest-2 bus.mqtt event=tick_left_out log=x: no route\n"
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("event=a_b", ("a_b", ())),
        ("event=a: words", ("a", ())),
        ("event=a: words b=%s", ("a", ())),
        ("event=a log=%s port=%d: %s", ("a", ("log", "port"))),
        ("event=a x=%.2f y=%g", ("a", ("x", "y"))),
        ("event=a words", None),
        ("event=%s", None),
        ("event=a log=name", None),
        ("event=a log=%r", None),
        ("event=a log=%s:%d", None),
        ("words event=a", None),
        ("", None),
    ],
)
def test_a_template_is_event_fields_and_sentence(template: str, expected: object) -> None:
    assert parse_template(template) == expected


def test_a_librarys_line_has_no_fields(root: logging.Logger) -> None:
    line = json.loads(_written("json", "Uvicorn running a=%s", "b", extra={"color_message": "x"}))
    assert (line["event"], line["message"]) == ("library", "Uvicorn running a=b")
    assert set(line) == {"time", "level", "service", "logger", "event", "message"}


class Unspeakable:
    """Fails whenever somebody wants to show it."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("args", [("too", "many"), (Unspeakable(),), (b"\xff",)])
def test_arguments_that_do_not_fit_lose_no_message(
    root: logging.Logger, style: str, args: tuple[object, ...]
) -> None:
    text = _written(style, "what happened: %d", *args)
    assert "what happened" in text
    assert text.count("\n") == 1


def test_values_that_json_has_not_are_text(root: logging.Logger) -> None:
    values = ("Trường Lê Lợi", float("nan"), Path("a/b"), Unspeakable())
    text = _written("json", "event=here a=%s b=%g c=%s d=%s", *values)
    line = json.loads(text, parse_constant=pytest.fail)
    assert "Trường" in text
    assert (line["a"], line["b"], line["c"]) == ("Trường Lê Lợi", "nan", "a/b")
    assert line["d"] == "(arguments that cannot be shown)"


def test_a_traceback_and_an_end_unforeseen_stay_on_one_line(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log("processor", "INFO", "json")
    try:
        raise ValueError("bad\nluck")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    say_failure("the database has no fleet")
    ended, failed = map(json.loads, capsys.readouterr().err.splitlines())
    assert "bad\nluck" in ended["exception"]
    assert ended["level"] == failed["level"] == "CRITICAL"
    assert failed["message"] == "event=process_failed: the database has no fleet"
    assert (ended["event"], ended["kind"]) == ("process_crashed", "ValueError")
