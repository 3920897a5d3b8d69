"""Row 11: PostgreSQL lives and answers nobody; a page says so within seconds instead of waiting for ever."""

import httpx
import pytest

from ops_dashboard.borrowing import ANSWER_S
from tests.faults.one_system.conftest import SharedSystem
from tests.running_system import eventually

SLACK_S = 15.0
"""What ending the question to a server that does not read may take besides."""


@pytest.mark.parametrize("path", ["/api/alerts", pytest.param("/api/city/bandwidth", marks=pytest.mark.slow)])
def test_a_frozen_database_is_told(system: SharedSystem, path: str) -> None:
    with httpx.Client(base_url=system.url, headers=system.headers, timeout=ANSWER_S + SLACK_S) as browser:
        assert browser.get(path).status_code == 200
        with system.paused("postgres"):
            answer = browser.get(path, headers={"Accept-Language": "vi"})
            assert answer.status_code == 503
            assert "Cơ sở dữ liệu không trả lời" in answer.text
        eventually(lambda: browser.get(path).status_code == 200, "it answers again")
