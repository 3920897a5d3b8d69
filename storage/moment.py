"""µs since 1970 to aware datetimes and back, exact to the microsecond."""

from datetime import UTC, datetime, timedelta
from typing import Final, overload

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@overload
def moment(time_us: int) -> datetime: ...
@overload
def moment(time_us: int | None) -> datetime | None: ...
def moment(time_us: int | None) -> datetime | None:
    """Return the moment at µs since 1970; None stays None."""
    return None if time_us is None else EPOCH + timedelta(microseconds=time_us)
