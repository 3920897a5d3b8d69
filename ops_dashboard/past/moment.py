"""Which earlier minute an address asks for."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Query

from contract.calendar import MINUTE_US
from ops_dashboard.api.answers import Refusal

MOST_TEXT: Final = 40
At = Annotated[str, Query(max_length=MOST_TEXT)]
"""`?at=`: an ISO 8601 date and time, local where it has no offset, or minutes ago such as -10; empty for
now."""
_AGO: Final = re.compile("-[0-9]{1,7}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(text: str, zone: ZoneInfo, now_us: int) -> int | None:
    """Return the beginning of the minute that a text names, log time; None for the empty text.

    Raises:
        Refusal: it is no date and time, or the minute has not been yet.
    """
    if not text:
        return None
    if _AGO.fullmatch(text):
        return max(0, now_us // MINUTE_US - int(text[1:])) * MINUTE_US
    try:
        # An address that was written by hand has a plus that means a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+" if "T" in text else "T"))
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        at_us = (local - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise Refusal(422, "bad_moment", value=text[:MOST_TEXT]) from None
    if at_us > now_us:
        raise Refusal(422, "future_moment")
    return at_us // MINUTE_US * MINUTE_US
