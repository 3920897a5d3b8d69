"""CSV files of devices, in and out."""

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from config.private_file import write_private
from config.spreadsheet import decode_table, read_table
from contract.devices.credential import DeviceName, parse_device_name
from contract.errors import ConfigurationError

LEAST_SECRET: Final = 26
"""Letters and digits of a secret that a file brings: 128 bits if they are drawn, as of base32."""
MOST_SECRET: Final = 128
_SECRET: Final = re.compile("[!-~]+")
_NEEDED: Final = ("school", "device")
_COLUMN_NAMES: Final = {
    "mã trường": "school",
    "trường": "school",
    "mã thiết bị": "device",
    "thiết bị": "device",
    "mật khẩu": "secret",
}
"""Headers in Vietnamese."""


def read_secrets(path: Path) -> dict[DeviceName, str]:
    """Return the devices of a CSV file with the secret that it gives each; "" for none.

    Raises:
        ConfigurationError: it cannot be read, lacks a column, or a line is wrong; the message names it.
    """
    try:
        text, _ = decode_table(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    table = read_table(text, (*_NEEDED, "secret"), _COLUMN_NAMES, _NEEDED)
    for bad in table.bad:
        raise ConfigurationError(f"{path}, line {bad.line}: {bad.message}")
    found: dict[DeviceName, str] = {}
    for line, row in table.rows:
        name, secret = parse_device_name(f"{row['school']}/{row['device']}"), row.get("secret", "")
        if name is None or name in found:
            wrong = "is no device" if name is None else "is there twice"
            raise ConfigurationError(f"{path}, line {line}: {row['school']}/{row['device']} {wrong}")
        if secret and not (LEAST_SECRET <= len(secret) <= MOST_SECRET and _SECRET.fullmatch(secret)):
            raise ConfigurationError(
                f"{path}, line {line}: the secret of {name} has {len(secret)} letters; drawn ones "
                f"of {LEAST_SECRET} to {MOST_SECRET} without a blank are taken"
            )
        found[name] = secret
    return found


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV file's text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def refuse_existing(path: Path) -> None:
    """Refuse to write over a file, or into a folder that is not there.

    Raises:
        ConfigurationError: it is there, or has no place.
    """
    if path.exists():
        raise ConfigurationError(f"{path} exists: name a new file, lest secrets be overwritten")
    if not os.access(path.absolute().parent, os.W_OK):
        raise ConfigurationError(f"{path.absolute().parent} is no folder that can be written")


def write_new(path: Path, text: str) -> None:
    """Write a file that only its owner can read and that was not there.

    Raises:
        ConfigurationError: it is there, or cannot be written.
    """
    refuse_existing(path)
    try:
        write_private(path, text)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
