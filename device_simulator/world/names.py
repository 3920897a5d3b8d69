"""Names that schools of the south bear: flowers and birds for the small, people of history for the rest."""

from typing import Final

from contract.fleet import Level

PREFIX: Final = {
    Level.PRESCHOOL: "Trường Mầm non",
    Level.PRIMARY: "Trường TH",
    Level.LOWER_SECONDARY: "Trường THCS",
    Level.UPPER_SECONDARY: "Trường THPT",
}
"""Kind of school as written before its name: mầm non, tiểu học, trung học cơ sở, trung học phổ thông."""

PRESCHOOL: Final = (
    "Hoa Mai", "Hoa Sen", "Hoa Hồng", "Hoa Lan", "Hoa Phượng", "Hoa Cúc", "Hoa Đào", "Hoa Hướng Dương",
    "Hoa Quỳnh", "Hoa Lư", "Sơn Ca", "Họa Mi", "Vành Khuyên", "Chim Non", "Bồ Câu", "Thiên Nga", "Măng Non",
    "Mầm Xanh", "Búp Sen", "Búp Măng", "Bông Sen", "Tuổi Thơ", "Tuổi Hồng", "Tuổi Ngọc", "Thần Tiên",
    "Ánh Dương", "Ánh Sao", "Bình Minh", "Ban Mai", "Nắng Mai", "Nắng Hồng", "Rạng Đông", "Cầu Vồng",
    "Sao Mai", "Sao Sáng", "Bé Ngoan", "Bé Thông Minh", "Vàng Anh", "Anh Đào", "Hải Âu", "Sóc Nâu",
    "Thỏ Ngọc", "Rạng Ngời", "Hướng Dương", "Hoàng Yến", "Phong Lan", "Thủy Tiên", "Ngọc Lan", "Mai Vàng",
    "Thiên Thần Nhỏ", "Sen Hồng", "Cỏ Non", "Lá Xanh", "Trúc Xinh", "Tre Xanh", "Vườn Hồng", "Khai Tâm",
    "Bông Hồng", "Bảo Ngọc", "Tuổi Xanh", "Hạnh Phúc", "Sơn Trà", "19/5", "20/10", "1/6", "30/4",
)  # fmt: skip
"""Names of preschools."""

HISTORICAL: Final = (
    "Nguyễn Du", "Nguyễn Trãi", "Nguyễn Huệ", "Nguyễn Bỉnh Khiêm", "Nguyễn Thái Học", "Nguyễn Thái Bình",
    "Nguyễn Hữu Cảnh", "Nguyễn Thị Minh Khai", "Nguyễn Văn Trỗi", "Nguyễn Viết Xuân", "Nguyễn Trung Trực",
    "Nguyễn Công Trứ", "Nguyễn Đình Chiểu", "Nguyễn Khuyến", "Nguyễn Hiền", "Nguyễn Văn Cừ",
    "Nguyễn Hữu Thọ", "Nguyễn An Ninh", "Nguyễn Thượng Hiền", "Nguyễn Tri Phương", "Nguyễn Văn Tố",
    "Lê Lợi", "Lê Lai", "Lê Quý Đôn", "Lê Hồng Phong", "Lê Thánh Tông", "Lê Văn Tám", "Lê Thị Hồng Gấm",
    "Lê Anh Xuân", "Lê Văn Việt", "Lê Đình Chinh", "Lê Thị Riêng", "Lê Hoàn", "Trần Hưng Đạo",
    "Trần Quốc Toản", "Trần Phú", "Trần Quang Khải", "Trần Văn Ơn", "Trần Đại Nghĩa", "Trần Bình Trọng",
    "Trần Khai Nguyên", "Trần Nhật Duật", "Trần Cao Vân", "Phan Bội Châu", "Phan Chu Trinh",
    "Phan Đình Phùng", "Phan Văn Trị", "Phan Đăng Lưu", "Phan Huy Ích", "Lý Thường Kiệt", "Lý Tự Trọng",
    "Lý Thái Tổ", "Lý Nhân Tông", "Đinh Tiên Hoàng", "Đinh Bộ Lĩnh", "Ngô Quyền", "Ngô Gia Tự",
    "Ngô Sĩ Liên", "Quang Trung", "Hùng Vương", "An Dương Vương", "Hai Bà Trưng", "Bà Triệu",
    "Hoàng Hoa Thám", "Hoàng Văn Thụ", "Hoàng Diệu", "Võ Thị Sáu", "Võ Trường Toản", "Võ Văn Tần",
    "Huỳnh Khương Ninh", "Huỳnh Thúc Kháng", "Huỳnh Tấn Phát", "Bùi Thị Xuân", "Bùi Hữu Nghĩa",
    "Bạch Đằng", "Chu Văn An", "Cao Bá Quát", "Cao Thắng", "Đặng Trần Côn", "Đặng Thùy Trâm",
    "Đoàn Thị Điểm", "Hồ Xuân Hương", "Kim Đồng", "Lương Thế Vinh", "Lương Định Của", "Lạc Hồng",
    "Mạc Đĩnh Chi", "Mạc Thị Bưởi", "Phạm Ngọc Thạch", "Phạm Hồng Thái", "Phạm Ngũ Lão", "Phan Thanh Giản",
    "Phù Đổng", "Tô Hiến Thành", "Tô Vĩnh Diện", "Thái Văn Lung", "Trưng Vương", "Trương Định",
    "Trương Công Định", "Trương Vĩnh Ký", "Tôn Đức Thắng", "Yết Kiêu", "Yersin", "Chi Lăng", "Âu Cơ",
)  # fmt: skip
"""Names of primary and secondary schools: people and places of the country's history."""


def names_of(level: Level) -> tuple[str, ...]:
    """Return the full names that a school of the level may bear, such as `Trường THCS Lê Quý Đôn`."""
    words = PRESCHOOL if level is Level.PRESCHOOL else HISTORICAL
    return tuple(f"{PREFIX[level]} {word}" for word in words)
