"""Packages of Node that tests run beside us: installed once into pytest's cache, as pinned."""

import shutil
import subprocess
from pathlib import Path

import pytest


def installed(config: pytest.Config, name: str, script: Path) -> Path:
    """Install what the package.json beside a script pins, and return the folder that has it and the script.

    Tests are skipped where there is no Node, or its packages cannot be had.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(f"{name} needs Node with npm")
    if config.cache is None:
        pytest.skip(f"{name} is installed into pytest's cache, which is off")
    folder = config.cache.mkdir(name)
    wanted = script.with_name("package.json").read_text()
    shutil.copy(script, folder)
    note = folder / "installed.json"
    if not note.exists() or note.read_text() != wanted:
        (folder / "package.json").write_text(wanted)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"{name}: npm could not install it: {error.stderr.strip()[-300:]}")
        except subprocess.TimeoutExpired:
            pytest.skip(f"{name}: npm did not install it within 120 s")
        note.write_text(wanted)
    return folder
