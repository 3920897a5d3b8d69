"""The record in a reader's language: every deed that can be on it has words, and every detail."""

import re
from pathlib import Path

import pytest

from config.files import shipped_texts
from contract.access.audit import AuditEntry
from contract.texts import Language
from device_simulator.world.fleet import generate_fleet
from ops_dashboard.access.permissions import PERMISSIONS, GuardedRoute
from ops_dashboard.access.recorder import is_deed
from ops_dashboard.people.audit_words import RESULTS, TOPICS, AuditWords, deed_key

ROOT = Path(__file__).parents[2]
FLEET = generate_fleet(20, seed=79)
FILES = (".csv", ".pdf", ".ics")
_SAID = re.compile(
    r"""(?:action=|_note\(conn, |_record\(conn, |action = )"([a-z-]+ [a-z-]+)"(?: if .* else "([a-z -]+)")?"""
)


def deeds() -> set[str]:
    """Return the deeds that the dashboard's routes put on record; files have one sentence for all."""
    found = set()
    for name, permission in PERMISSIONS.items():
        method, path = name.split(" ", 1)
        if is_deed(GuardedRoute(method, path, re.compile(""), permission)) and not path.endswith(FILES):
            found.add(name)
    return found


def commands() -> set[str]:
    """Return the actions that the command line, and whoever meets a file, puts on record."""
    sources = [*(ROOT / "eduops" / "verbs").rglob("*.py"), *(ROOT / "storage" / "people").glob("*.py")]
    said = {word for path in sources for pair in _SAID.findall(path.read_text()) for word in pair if word}
    more = {"user disable", "user role", "token revoke", "screen end"}  # one of two, in one expression
    return said | more | {f"calendar {verb}" for verb in ("accept", "reject", "withdraw")}


def words(language: Language = Language.VI) -> AuditWords:
    return AuditWords(shipped_texts(), language, FLEET)


def entry(action: str = "user add", detail: str = "", **more: str) -> AuditEntry:
    said = {"actor": "Lan", "grade": "administrator", "result": "done", **more}
    return AuditEntry(
        1, 1, said["actor"], said["grade"], "", "", action, said.get("subject", ""), said["result"], detail
    )


def test_every_deed_has_words_of_its_own() -> None:
    assert len(commands()) >= 20
    texts = shipped_texts()
    assert {name for name in deeds() | commands() if deed_key(name) not in texts.keys} == set()
    for language in Language:
        assert len({words(language).deed(entry(name)) for name in deeds()}) == len(deeds())


def test_topics_and_results_are_those_that_the_record_has() -> None:
    tables = [name for name in PERMISSIONS if name.endswith(FILES)]
    known = deeds() | commands() | set(tables)
    for topic in TOPICS:
        assert any(topic in name for name in known), topic
    texts = shipped_texts()
    assert set(RESULTS.values()) <= texts.keys


def test_what_was_looked_at_or_taken_away_is_told_with_its_address() -> None:
    assert words().deed(entry("GET /api/alerts.csv")) == "Tải tệp /api/alerts.csv"
    assert words().deed(entry("GET /audit")) == "Xem /audit"
    assert words().deed(entry("POST /api/v2/alerts")) == "Gửi tới /api/v2/alerts"
    assert words().deed(entry("something new")) == "something new"


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("acknowledged as Lan", "Nhận xử lý"),
        ("dismissed as An", "Không phải sự cố · thay cho An"),
        ("as Lan", ""),
        ("as Máy trực, because planned_work", "thay cho Máy trực · Bảo trì có kế hoạch"),
        ("role=operator area=city", "vai trò: Trực vận hành · phạm vi: Toàn thành phố"),
        (
            "role=leader area=isp:FPT Telecom disabled=on",
            "vai trò: Lãnh đạo · phạm vi: isp:FPT Telecom · khóa tài khoản",
        ),
        ("scope=read area= days=30", "được làm: Xem tất cả, không thay đổi · hiệu lực 30 ngày"),
        ("sessions=2", "2 phiên"),
        ("overlap=1:00:00", "mật khẩu cũ còn dùng được 1:00:00"),
        (
            "accepted bells/level:primary/2026-11-23..2026-11-25 closure/city/2026-11-26..2026-11-26",
            "Đã nhận: Đổi giờ học, Tiểu học, 23/11/2026 – 25/11/2026; Nghỉ học, Cả thành phố, 26/11/2026",
        ),
        ("withdrawn event/school:x/2026-11-26..2026-11-26", "Rút lại: Có hoạt động, x, 26/11/2026"),
        (
            "before=aaaaaaaaaaaaaaaa after=b of root, in force at once; changed rule.x, added y, and 2 more",
            "tệp của root · có hiệu lực ngay · sửa rule.x, thêm y, và 2 phần nữa · "
            "dấu băm aaaaaaaaaaaa → b",
        ),
        (
            "before=a after=b the packaged one: the one in force again",
            "trở về tệp có sẵn · đúng như bản đang dùng · dấu băm a → b",
        ),
        (
            "before=a after=b none, in force with each service's next start; "
            "what it was before is not here to compare",
            "tệp đã bị xóa · có hiệu lực khi dịch vụ khởi động lại · không còn bản trước để so · "
            "dấu băm a → b",
        ),
        (
            "before=a after=b the one before stays in force: rules.toml is not TOML",
            "vẫn dùng bản trước; tệp mới sai: rules.toml is not TOML · dấu băm a → b",
        ),
        ("what nobody foresaw", "what nobody foresaw"),
    ],
)  # fmt: skip
def test_details_are_told_in_the_readers_words(detail: str, said: str) -> None:
    assert words().detail(entry(detail=detail)) == said


def test_who_it_was_and_what_came_of_it() -> None:
    told = words()
    by_line = entry(actor="root (command line)", grade="command line")
    assert (told.actor(by_line), told.grade(by_line)) == ("root", "dòng lệnh")
    by_file = entry(actor="a file on the machine", grade="file")
    assert (told.actor(by_file), told.grade(by_file)) == ("Ai đó trên máy chủ", "tệp trên máy chủ")
    assert told.grade(entry(grade="operate")) == "Xem, xử lý cảnh báo, tắt thông báo"
    assert told.result("wrong") == "sai tên, mật khẩu hoặc mã"
    assert told.result("418") == "không thành (mã 418)"
