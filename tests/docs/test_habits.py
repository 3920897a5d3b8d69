"""Version, licence and hooks: said in several places, and everywhere the same."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import yaml

from eduops import connections

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_command_line_and_image_say_the_version_of_the_project() -> None:
    for words in (["--version"], ["version"]):
        argv = [sys.executable, "-m", "eduops", *words]
        said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        assert said.removesuffix("+source") == PROJECT["version"]
    images = re.findall(r"ARG VERSION=(\S+)", (ROOT / "Dockerfile").read_text("utf-8"))
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert {*images, compose["x-eduops"]["image"].partition(":")[2]} == {PROJECT["version"]}


def test_a_tree_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(connections, "version", absent)
    assert connections.build_id() == f"{PROJECT['version']}+source"


def test_licence_files_are_there_and_name_every_foreign_file() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])
    notice = (ROOT / "NOTICE").read_text("utf-8")
    foreign = {path.parent for path in ROOT.glob("ops_dashboard/assets/**/*.woff2")}
    assert foreign
    assert all(f"{path.relative_to(ROOT)}/" in notice for path in foreign)


def test_hooks_run_exactly_what_make_check_runs() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    commands = [line.removeprefix("\t@") for line in recipe.splitlines()[1:]]
    wanted = [c.replace("$(BIN)", ".venv/bin").removesuffix(" $(ARGS)") for c in commands]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert [hook["entry"] for hook in config["repos"][0]["hooks"]] == wanted
