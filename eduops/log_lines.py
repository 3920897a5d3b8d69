"""How services write log lines: plain text for people, or one JSON object a line for log systems."""

import ast
import json
import logging
import math
import re
import sys
import time
from types import TracebackType
from typing import Any, Final, TextIO

_FIELD: Final = re.compile(
    r"""(?<!\S)(?P<key>[A-Za-z_]\w*)=(?P<value>"""
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[-+]?\d[\d.,]*(?:e[-+]?\d+)?(?=[\s;,)]|$)"""
    r"""|.*?(?=\s+[A-Za-z_]\w*=|$))""",
    re.DOTALL,
)
"""`key=value`: a quoted text, a number, or whatever comes before the next key."""
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
"""Attributes of every record; others came as `extra`."""
_TEXT_FORMAT: Final = "%(asctime)s %(levelname)s {service} %(name)s %(message)s"


class TextLines(logging.Formatter):
    """Lines for people; a message that cannot be formatted is shown with its arguments."""

    def __init__(self, service: str) -> None:
        super().__init__(_TEXT_FORMAT.format(service=service.replace("%", "%%")))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it if there is one."""
        return super().format(_formattable(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, event, message, then the message's own fields."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the object on one line."""
        record = _formattable(record)
        message = record.getMessage()
        fields = {**parse_fields(message), **_extras(record)}
        event = str(fields.pop("event", "")) or _before_fields(message)
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "event": event,
            "message": message,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        finite = {name: _finite(value) for name, value in fields.items()}
        return json.dumps({**line, **finite, **line}, ensure_ascii=False, default=_shown)


def write_log(service: str, level: str, style: str, stream: TextIO | None = None) -> None:
    """Let this process log to the stream, stderr without one; `style` is `text` or `json`.

    With `json`, warnings of Python and what ends the process unforeseen are lines too.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service) if style == "json" else TextLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    if style == "json":
        logging.captureWarnings(True)
        sys.excepthook = _log_uncaught


def say_failure(sentence: str) -> None:
    """Say on stderr why this process ends: as a JSON line where it writes those."""
    if any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers):
        logging.getLogger("eduops").critical("%s", sentence)
    else:
        print(f"eduops: {sentence}", file=sys.stderr)


def parse_fields(message: str) -> dict[str, Any]:
    """Return the `key=value` pairs of a message: numbers as numbers, quoted texts without their quotes."""
    return {match["key"]: _value(match["value"]) for match in _FIELD.finditer(message)}


def _value(text: str) -> Any:
    try:
        found = ast.literal_eval(text.replace(",", "") if text[:1].isdigit() else text)
    except (ValueError, SyntaxError):
        return text.rstrip(" ;,")
    return found if isinstance(found, int | float | str | bool) else text


def _finite(value: Any) -> Any:
    """Return the value, as text if it is a number that JSON does not have."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _before_fields(message: str) -> str:
    first = _FIELD.search(message)
    return message if first is None else message[: first.start()].rstrip(" :;,") or message


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


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
    logging.getLogger("eduops").critical("ended by %s", kind.__name__, exc_info=(kind, error, traceback))
