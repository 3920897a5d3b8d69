"""How services write log lines: plain text for people, or one JSON object a line for log systems."""

import json
import logging
import math
import re
import sys
import time
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, NamedTuple, TextIO

from contract.access.user import written_out
from contract.service.log_events import LIBRARY

_logger: Final = logging.getLogger(__name__)

_TEMPLATE: Final = re.compile(r"event=([a-z_]+)((?: [a-z_]+=%[.\d]*[dfgs])*)(?:: .+)?", re.DOTALL)
_FIELD: Final = re.compile(r" ([a-z_]+)=")
_TEXT_FORMAT: Final = "%(asctime)s %(levelname)s {service} %(name)s %(message)s"


class TextLines(logging.Formatter):
    """Lines for people; a message that cannot be formatted is shown with its arguments."""

    def __init__(self, service: str) -> None:
        super().__init__(_TEXT_FORMAT.format(service=service.replace("%", "%%")))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it if there is one."""
        return super().format(_formattable(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the base class' name
        """Return the line itself: what a stranger sent stands in it as letters, and begins no other line."""
        return written_out(super().formatMessage(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, event, message, then the event's fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the object on one line."""
        message = _formattable(record).getMessage()
        template = parse_template(record.msg) if isinstance(record.msg, str) else None
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "event": template.event if template else LIBRARY,
            "message": message,
        }
        if template and isinstance(record.args, tuple):
            line |= zip(
                template.fields, map(_plain, record.args), strict=False
            )  # sentences have arguments too
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False)


def write_log(service: str, level: str, style: str, stream: TextIO | None = None) -> None:
    """Let this process log to the stream, stderr without one; `style` is `text` or `json`.

    With `json`, warnings of Python and what ends the process unforeseen are lines too.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service) if style == "json" else TextLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    hush_libraries()
    if style == "json":
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught


def hush_libraries() -> None:
    """Keep out of the log what libraries write of secrets: whole addresses, passwords and all."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    apprise = logging.getLogger(
        "apprise"
    )  # its warnings have addresses too; what it answers is read otherwise
    apprise.propagate = False
    apprise.handlers = [logging.NullHandler()]


def say_failure(sentence: str) -> None:
    """Say on stderr why this process ends: as a JSON line where it writes those."""
    if any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers):
        _logger.critical("event=process_failed: %s", sentence)
    else:
        print(f"eduops: {sentence}", file=sys.stderr)


class Template(NamedTuple):
    """What a line of ours is made from; see `contract.service.log_events`."""

    event: str
    fields: tuple[str, ...]
    """Their values are the first arguments."""


@lru_cache(256)
def parse_template(text: str) -> Template | None:
    """Return the event and the fields of a message without its arguments; None for a library's."""
    found = _TEMPLATE.fullmatch(text)
    return Template(found[1], tuple(_FIELD.findall(found[2]))) if found else None


def _plain(value: object) -> object:
    """Return the value as JSON has it: a number as a number, anything else as text."""
    if isinstance(value, int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    try:
        return str(value)
    except Exception:
        return _shown(value)


def _utc(seconds: float) -> str:
    """Return the ISO 8601 time in UTC, to the microsecond."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e6):06d}Z"


def _formattable(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record, its message replaced if its arguments do not fit it: the line is worth more."""
    try:
        record.getMessage()
    except Exception:  # arguments' own __str__ may raise anything
        told = logging.makeLogRecord(vars(record))
        told.msg, told.args = f"{record.msg} {_shown(record.args)}", ()
        return told
    return record


def _shown(args: object) -> str:
    try:
        return repr(args)
    except Exception:
        return "(arguments that cannot be shown)"


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _logger.critical("event=process_crashed kind=%s", kind.__name__, exc_info=(kind, error, traceback))
