"""One series over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from contract.errors import ConfigurationError
from contract.fleet import Device, Fleet, School
from contract.privacy import is_published, shown_history
from contract.series import series_of
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.charts.columns import of_series
from ops_dashboard.past.moment import At
from ops_dashboard.past.seen import moment_of, seen
from ops_dashboard.services import Services
from storage.wall import KpiHistory

HOUR_US: Final = 3_600_000_000
RANGE_MAX_US: Final = 31 * 24 * HOUR_US
"""Longest history that one request may ask for."""
MOMENT_MAX_US: Final = 253_402_214_400_000_000
"""Latest moment that is asked for, µs since 1970: the year 9999 less a day for any time zone."""
Moment = Annotated[int | None, Query(ge=0, le=MOMENT_MAX_US)]
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,48}$")]


def add_histories(router: APIRouter, services: Services) -> None:
    @router.get("/api/series/{school}/{device}/{metric}")
    async def series(
        school: Token,
        device: Token,
        metric: Token,
        from_us: Moment = None,
        to_us: Moment = None,
        at: At = "",
    ) -> Response:
        """Return one series: raw up to six hours, quarters of an hour beyond; the last hour by default.

        What is no longer kept so finely comes in hours, for two years, and in days, for ever. What would
        tell a small group of pupils is null.
        """
        mine = await seen(services, at)
        owner, found = _device_of(mine.fleet, school, device)
        try:
            measure = services.catalogue.named(metric)
        except ConfigurationError:
            raise Refusal(404, "unknown_metric") from None
        if not is_published(measure, owner.pupils):
            raise Refusal(403, "suppressed")
        end_us = min(to_us or mine.now_us(), mine.at_us or MOMENT_MAX_US)
        start_us = end_us - HOUR_US if from_us is None else from_us
        if not 0 < end_us - start_us <= RANGE_MAX_US:
            raise Refusal(422, "bad_request", detail="from_us, to_us: 1 µs to 31 days")
        number = series_of(found.id, measure.id)
        bucket, history = await mine.archive.series([number], start_us, end_us)
        rows = of_series(history, number)
        told = shown_history(measure, owner.pupils, rows.mean, rows.min, rows.max)
        return json_answer(
            {
                "series": number,
                "unit": measure.unit,
                "bucket": bucket,
                "time_us": rows.time_us.tolist(),
                "mean": told.mean.tolist(),
                "min": told.low.tolist(),
                "max": told.high.tolist(),
            }
        )

    @router.get("/api/city/bandwidth")
    async def bandwidth(at: At = "") -> Response:
        """Return the city's traffic of the last hour as rows of minute, down and up, bit/s."""
        end_us = await moment_of(services, at) or services.now_us()
        ids = [services.catalogue.named(name).id for name in ("down_bps", "up_bps")]
        down, up = await services.archive.city_minutes(ids, end_us - HOUR_US, end_us)
        return json_answer({"points": _known_minutes(down, up, services.config.coverage_min)})


def _device_of(fleet: Fleet, school: str, device: str) -> tuple[School, Device]:
    """Return a school and its device by their codes; of several of one code the last.

    Raises:
        Refusal: there never was such a school, or it never had such a device.
    """
    owner = fleet.school_ever(school)
    devices = [] if owner is None else fleet.devices_ever(owner.id)
    found = next((d for d in reversed(devices) if d.code == device), None)
    if owner is None or found is None:
        raise Refusal(404, "unknown_school")
    return owner, found


def _known_minutes(down: KpiHistory, up: KpiHistory, least: float) -> list[tuple[int, float, float | None]]:
    """Return minute, down and up of the minutes in which at least so large a share of `down` reported."""
    ups = dict(zip(up.minute_us.tolist(), up.total.tolist(), strict=True))
    known = (down.reporting >= least * down.expected) & (down.expected > 0)
    return [
        (minute, total, ups.get(minute))
        for minute, total, known_then in zip(
            down.minute_us.tolist(), down.total.tolist(), known.tolist(), strict=True
        )
        if known_then
    ]
