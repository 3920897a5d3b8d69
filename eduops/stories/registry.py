"""All stories, a row each."""

from functools import partial
from typing import Final

from contract.access.permission import Role
from eduops.stories import desk, situations
from eduops.stories.story import ScreenStory

FEW: Final = 600
"""Schools where nothing depends on how many there are: enough for every cluster, ward and provider."""
SUNDAY: Final = "2026-11-22T09:30:00"
_LINES: Final = "#alarms .alarm-who"
_DAY: Final = "#day .curve svg"
_SHEET: Final = ".sheet-tables > .sheet-panel"
_SCHOOL: Final = "#sheet-main > .sheet-panel"
_wall = partial(ScreenStory, path="/", role=Role.SCREEN, shown=_LINES)
_small = partial(_wall, schools=FEW)
_desk = partial(ScreenStory, schools=FEW)
_office = partial(
    _desk, happen=situations.nothing, shown=".people-list > li", role=Role.ADMINISTRATOR, schools=40
)

SITUATIONS: Final = (
    _wall("calm", "Mọi việc bình thường", "All is well", happen=situations.calm, shown=_DAY),
    _wall("one-school", "Một trường mất mạng", "One school is down", happen=situations.one_school),
    _wall("one-ward", "Một phường mất mạng", "One ward is down", happen=situations.one_ward),
    _wall("one-provider", "Một nhà mạng hỏng", "One provider fails", happen=situations.one_provider),
    _wall(
        "platform", "Nền tảng học trực tuyến hỏng", "The learning platform fails", happen=situations.platform
    ),
    _wall("all-dark", "Không nghe được trường nào", "No school is heard", happen=situations.all_dark),
)
"""The six of the two-second test: docs/screens/README.md."""

WALLS: Final = (
    _small(
        "first-start",
        "Chưa có số liệu nào",
        "No data yet",
        happen=situations.first_start,
        speaks=False,
        shown=".area",
    ),
    _small(
        "unknown",
        "Không rõ gì về trường nào",
        "Nothing is known of any school",
        happen=situations.unknown,
        shown=".tile[data-known=no] .tile-coverage",
    ),
    _small("late", "Trễ sáu giây", "Six seconds late", happen=situations.one_ward, silent_s=6),
    _small(
        "stale", "Số liệu cũ mười sáu giây", "Sixteen seconds old", happen=situations.one_ward, silent_s=16
    ),
    _small("lost", "Mất số liệu một phút", "Nothing for a minute", happen=situations.one_ward, silent_s=61),
    _small(
        "processor-stands",
        "Bộ xử lý đứng",
        "The processor stands still",
        happen=situations.one_ward,
        data_age_s=20,
    ),
    _small(
        "night",
        "Ban đêm",
        "Night",
        path="/?dim=18-6",
        happen=situations.nothing,
        at="2026-11-25T21:10:00",
        shown="#day .duty",
    ),
    _small(
        "holiday",
        "Ngày nghỉ",
        "No school today",
        happen=situations.nothing,
        at=SUNDAY,
        shown="#day .day-bar",
    ),
    _wall(
        "tiny",
        "Trung tâm của một trường",
        "A center of one school",
        happen=situations.nothing,
        schools=1,
        shown="#day .duty",
    ),
    _wall(
        "few",
        "Trung tâm của bốn trường",
        "A center of four schools",
        happen=situations.one_school,
        schools=5,
    ),
    _wall(
        "few-calm",
        "Bốn trường, ngày đã yên",
        "Four schools, a calm day after two incidents",
        happen=situations.calm,
        schools=5,
        shown="#day .resolved-line",
    ),
    _small(
        "one-cluster",
        "Màn hình của một cụm",
        "A wall of one cluster",
        happen=situations.one_ward,
        area="cluster:06",
        complains=True,
    ),
    _small("area", "Chỉ một khu vực", "One area alone", path="/?area=binh tan", happen=situations.many),
    _small(
        "bad-address",
        "Địa chỉ viết sai",
        "An address that is not understood",
        path="/?area=Atlantis&colour=red",
        happen=situations.many,
    ),
    _small("muted", "Tắt thông báo và bảo trì", "Silences and maintenance", happen=situations.muted),
    _wall("many", "Nhiều sự cố hơn số dòng", "More incidents than lines", happen=situations.many),
    _small("healing", "Đang hồi phục, đã có người nhận", "Healing, and in hand", happen=situations.taken),
    _small("flapping", "Chập chờn", "Flapping", happen=situations.flapping),
    _wall("wards", "Bản đồ phường", "The map of wards", path="/?view=wards", happen=situations.many),
    _wall(
        "places",
        "Trường đúng vị trí trên bản đồ",
        "Schools at their places",
        path="/?view=wards",
        happen=situations.many,
        role=Role.OPERATOR,
        has_places=True,
    ),
    _small(
        "view-attendance",
        "Chuyên cần theo cụm",
        "Attendance by cluster",
        path="/?view=attendance",
        happen=situations.one_ward,
    ),
    _small(
        "view-elearning",
        "Học trực tuyến trong ngày",
        "Learners over the day",
        path="/?view=elearning",
        happen=situations.one_ward,
    ),
    _small(
        "view-systems",
        "Các hệ thống",
        "The systems on the wall",
        path="/?view=systems",
        happen=situations.platform,
        shown=".system",
    ),
    _small(
        "view-day",
        "Cả ngày đến giờ",
        "The day so far",
        path="/?view=day",
        happen=situations.calm,
        shown=".view .day-bar",
    ),
    _small("view-traffic", "Lưu lượng", "Traffic", path="/?view=traffic", happen=situations.one_ward),
    _small("past", "Xem lại", "An earlier minute", path="/?at=-5", happen=situations.one_ward),
)
"""What else a wall may show."""

DESKS: Final = (
    _desk(
        "incidents-none",
        "Không có sự cố",
        "No incidents",
        "/incidents",
        situations.nothing,
        "#incidents-none",
    ),
    _desk("incidents-many", "Nhiều sự cố", "Many incidents", "/incidents", situations.many, "tr.incident"),
    _desk(
        "incidents-kept",
        "Sự cố theo lựa chọn đã lưu",
        "Incidents by a kept choice",
        "/incidents?sort=-reach",
        desk.incidents_kept,
        ".view-link",
    ),
    _desk(
        "incident-slow",
        "Sự cố đường truyền chậm",
        "An incident of slow lines",
        "/incidents/{}",
        desk.incident_slow,
        ".worst-chart",
    ),
    _desk(
        "incident-open",
        "Sự cố chưa ai nhận",
        "An incident that nobody has",
        "/incidents/{}",
        desk.incident_open,
        "#timeline > li",
    ),
    _desk(
        "incident-taken",
        "Sự cố đã có người nhận",
        "An incident in hand",
        "/incidents/{}",
        desk.incident_taken,
        "#timeline > li",
    ),
    _desk(
        "incident-over",
        "Sự cố đã xong",
        "An incident that is over",
        "/incidents/{}",
        desk.incident_over,
        "#timeline > li",
    ),
    _desk("alerts", "Cảnh báo", "Alerts", "/alerts", situations.many, ".card"),
    _desk(
        "school-well", "Trường bình thường", "A school that is well", "/school/{}", desk.school_well, _SCHOOL
    ),
    _desk(
        "school-offline",
        "Trường mất mạng",
        "A school without a line",
        "/school/{}",
        desk.school_offline,
        _SCHOOL,
        role=Role.ENGINEER,
    ),
    _desk(
        "school-gone", "Trường đã đóng", "A school that is no more", "/school/{}", desk.school_gone, _SCHOOL
    ),
    _desk("provider", "Nhà mạng", "A provider", "/provider/{}", desk.provider, _SHEET, hit=0.1),
    _desk("cluster", "Cụm", "A cluster", "/area/{}", desk.cluster, _SHEET, hit=0.1),
    _desk("systems", "Các hệ thống", "The systems", "/systems", situations.platform, _SHEET, hit=0.1),
    _desk(
        "system",
        "Hệ thống học trực tuyến",
        "The learning platform",
        "/system/elearning",
        situations.platform,
        _SHEET,
        hit=0.1,
    ),
    _desk(
        "quality",
        "Chất lượng dữ liệu",
        "Quality of the data",
        "/quality",
        desk.quality,
        _SHEET,
        role=Role.ENGINEER,
    ),
    _desk(
        "calendar",
        "Ngày chờ đưa vào lịch học",
        "Days for the calendar",
        "/calendar",
        desk.special_days,
        "#proposals tr",
        role=Role.ENGINEER,
    ),
    _desk(
        "silences",
        "Các lần tắt thông báo",
        "Silences",
        "/silences",
        situations.muted,
        "#silences tr",
        role=Role.ENGINEER,
    ),
    _desk(
        "response",
        "Tốc độ xử lý sự cố",
        "How fast incidents are answered",
        "/response",
        desk.answers,
        "main .table td",
        role=Role.ENGINEER,
    ),
    _desk("inbox", "Hộp thư của trung tâm", "The center's own inbox", "/inbox", desk.messages, ".bubble"),
    _office("users", "Người dùng", "Users", "/users"),
    _office("screens", "Màn hình đã ghép", "Paired walls", "/screens"),
    _office("tokens", "Mã chương trình", "Tokens of programs", "/tokens"),
    _desk("oncall", "Ai đang trực", "Who is on duty", "/oncall", situations.nothing, ".duty-days"),
    _desk(
        "quarantine",
        "Dữ liệu bị từ chối",
        "What was refused",
        "/quarantine",
        desk.quality,
        "main .table",
        role=Role.ENGINEER,
    ),
    _desk(
        "leadership-good",
        "Lãnh đạo, ngày tốt",
        "Leadership, a good day",
        "/kpi",
        situations.calm,
        ".mark svg",
        role=Role.LEADER,
        hit=0.0,
    ),
    _desk(
        "leadership-bad",
        "Lãnh đạo, ngày xấu",
        "Leadership, a bad day",
        "/kpi",
        situations.one_provider,
        ".mark svg",
        role=Role.LEADER,
        hit=0.1,
    ),
    _desk(
        "leadership-benchmark",
        "Nhà mạng so với mốc",
        "Providers beside a benchmark",
        "/kpi?by=isp&figure=adequate&benchmark=un",
        situations.one_provider,
        ".mark svg",
        role=Role.LEADER,
        hit=0.1,
    ),
    _desk(
        "leadership-holiday",
        "Lãnh đạo, ngày nghỉ",
        "Leadership, no school",
        "/kpi",
        situations.nothing,
        ".mark svg",
        at=SUNDAY,
        role=Role.LEADER,
        hit=0.1,
    ),
    _desk("sign-in", "Đăng nhập", "Sign in", "/sign-in", situations.nothing, "main h1", role=None),
    _desk(
        "pairing",
        "Ghép màn hình",
        "A wall to be paired",
        "/pair",
        situations.nothing,
        ".people-code",
        role=None,
    ),
    _desk(
        "nowhere",
        "Địa chỉ không có",
        "An address that is none",
        "/thu-duc",
        situations.nothing,
        "main .panel",
        complains=True,
    ),
)
"""What people meet at a desk or on a phone."""

STORIES: Final = (*SITUATIONS, *WALLS, *DESKS)


def story_named(name: str) -> ScreenStory | None:
    """Return the story of a name."""
    return next((story for story in STORIES if story.name == name), None)
