"""The whole system in data folders whose names ask for trouble."""

from pathlib import Path

import pytest

from tests.running_system import RunningSystem, eventually

NAMES = {
    "letters, blanks and signs": """Dữ liệu 'của' "tôi" 100% $x; #1 \\ &""",
    "too long for a socket": "Trung tâm điều hành/Sở Giáo dục và Đào tạo/Thành phố Hồ Chí Minh/dữ liệu",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_system_lives_in_a_folder_of_any_name(servers_folder: Path, name: str) -> None:
    data = servers_folder / name
    data.parent.mkdir(parents=True, exist_ok=True)
    running = RunningSystem(data, env={"EDUOPS_WATCHDOG_EVERY_S": "1"}, watchdog=True)
    try:
        eventually(lambda: running.status().get("stored", 0) > 0, "the watchdog's canaries are stored")
        beside = running.command("up")
        assert beside.returncode == 1
        assert "`eduops up --data FOLDER`" in beside.stderr
        assert running.stop() == 0
    finally:
        running.end()
