"""Log lines: JSON that any log system reads, text for people, and no message that is lost."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from eduops.log_lines import JsonLines, parse_fields, say_failure, write_log


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


def test_a_json_line_has_its_words_and_the_messages_fields(root: logging.Logger) -> None:
    text = _written(
        "json", "event=server_lost log=%s retry_s=%.1f detail=%r", "telemetry-0", 0.25, "no route"
    )
    line = json.loads(text)
    assert text.count("\n") == 1
    assert line["time"].endswith("Z")
    assert (line["level"], line["service"], line["logger"]) == ("WARNING", "ingest-2", "bus.mqtt")
    assert line["event"] == "server_lost"
    assert (line["log"], line["retry_s"], line["detail"]) == ("telemetry-0", 0.2, "no route")
    assert "retry_s=0.2" in line["message"]


def test_a_text_line_names_the_service(root: logging.Logger) -> None:
    assert _written("text", "tick left out log=%s", "x").endswith(
        " WARNING ingest-2 bus.mqtt tick left out log=x\n"
    )


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("tick left out log=a error=no servers available", {"log": "a", "error": "no servers available"}),
        ("stopped with messages=5 unacknowledged; the broker keeps them", {"messages": 5}),
        ("received=1,234 stored=7 rate=2.5e3", {"received": 1234, "stored": 7, "rate": 2500.0}),
        ("detail='a=1 b=2' log=x", {"detail": "a=1 b=2", "log": "x"}),
        (r"detail='it\'s' x=1e999", {"detail": "it's", "x": float("inf")}),
        ("no fields at all, not even a=", {"a": ""}),
        ("a!=b", {}),
    ],
)
def test_fields_of_a_message(message: str, fields: dict[str, Any]) -> None:
    assert parse_fields(message) == fields


def test_the_event_is_what_stands_before_the_first_field(root: logging.Logger) -> None:
    assert json.loads(_written("json", "tick left out: log=a"))["event"] == "tick left out"
    assert json.loads(_written("json", "MQTT session stands"))["event"] == "MQTT session stands"


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


def test_extras_are_fields_but_never_the_lines_own(root: logging.Logger) -> None:
    extra = {"school": "Trường Lê Lợi", "level": "fake", "lag": float("nan"), "odd": Unspeakable()}
    text = _written("json", "here", extra=extra)
    line = json.loads(text, parse_constant=pytest.fail)
    assert line["school"] == "Trường Lê Lợi"
    assert "Trường" in text
    assert line["level"] == "WARNING"
    assert line["lag"] == "nan"


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
    assert failed["message"] == "the database has no fleet"


def test_the_lines_own_words_come_first() -> None:
    record = logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": "m a=1"})
    assert list(json.loads(JsonLines("s").format(record)))[:5] == [
        "time",
        "level",
        "service",
        "logger",
        "event",
    ]
