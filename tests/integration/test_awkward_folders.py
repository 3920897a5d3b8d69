"""The whole system in a data folder whose name asks for trouble."""

from pathlib import Path

from tests.running_system import RunningSystem, eventually

NAME = """Dữ liệu 'của' "tôi" 100% $x; #1 \\ &"""
"""Letters that a configuration file may not know, and signs that shells and files read otherwise."""


def test_a_system_lives_in_a_folder_of_any_name(servers_folder: Path) -> None:
    running = RunningSystem(servers_folder / NAME, env={"EDUOPS_WATCHDOG_EVERY_S": "1"}, watchdog=True)
    try:
        eventually(lambda: running.status().get("stored", 0) > 0, "the watchdog's canaries are stored")
        beside = running.command("up")
        assert beside.returncode == 1
        assert "`eduops up --data FOLDER`" in beside.stderr
        assert running.stop() == 0
    finally:
        running.end()
