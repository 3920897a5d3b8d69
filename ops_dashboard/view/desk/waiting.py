"""Devices that have nothing to say yet: a register comes once a session, and is not missed before (pure)."""

from datetime import timedelta

from contract.calendar import SchoolCalendar
from contract.fleet import LEVELS, DeviceKind, Fleet


def waiting_devices(
    fleet: Fleet, calendar: SchoolCalendar, now_us: int, span_us: int, *, any_came: bool
) -> frozenset[int]:
    """Return the ids of the devices from which nothing was due within a span up to now.

    Args:
        fleet: devices and levels of their schools.
        calendar: when levels have sessions.
        now_us: log time, µs since 1970.
        span_us: how far devices are looked back at, µs.
        any_came: whether any register of the city is known today; before the first, as on the day of a first
            start, none is missed.
    """
    day, last = calendar.local_day(now_us - span_us), calendar.local_day(now_us)
    days = [day + timedelta(n) for n in range((last - day).days + 1)]
    due = {
        level
        for i, level in enumerate(LEVELS)
        for day in days
        for session in calendar.sessions(i, day)
        if now_us - span_us <= session.start_us and session.end_us <= now_us
    }
    idle = {school.id for school in fleet.schools if not any_came or school.level not in due}
    return frozenset(
        device.id
        for device in fleet.devices
        if device.kind is DeviceKind.ATTENDANCE and device.school_id in idle
    )
