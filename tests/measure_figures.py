"""Two years of the city's figures in a database of their own, and how fast a term is compared.

python -m tests.measure_figures
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from contract.calendar import parse_calendar
from contract.catalogue import parse_catalogue
from contract.figures.plan import parse_plan
from contract.figures.spans import SpanKind, span_pair
from contract.figures.sums import GroupKind
from device_simulator.world.fleet import generate_fleet
from eduops.machine.process import Server
from eduops.machine.servers.embedded_postgres import prepare_postgres
from eduops.stories.figure_days import base_rows, years_of_rows
from ops_dashboard.report.reading import read_brief
from ops_dashboard.view.leadership.maker import Brand, BriefAsked
from storage.database import connect, prepare_database
from storage.figures.rows import keep_day, summed_figures, summed_inside
from storage.fleet import save_fleet

FIRST, LAST = date(2024, 11, 27), date(2026, 11, 27)
RUNS = 9


async def measure(dsn: str) -> None:
    calendar, catalogue = parse_calendar(_config("calendar.toml")), parse_catalogue(_config("metrics.toml"))
    fleet = generate_fleet()
    brand = Brand(fleet, calendar, parse_plan(_config("targets.toml")), 0.8)
    term = span_pair(calendar, SpanKind.TERM, date(2026, 5, 29)).now
    base = base_rows(fleet, calendar, catalogue)
    async with await connect(dsn) as conn:
        await save_fleet(conn, fleet)
        count, days, began_s = 0, 0, time.perf_counter()
        for day, rows in years_of_rows(base, calendar, FIRST, LAST):
            await keep_day(conn, day, rows, 1, 1)
            count, days = count + len(rows), days + 1
        print(f"{count:,} rows of {days} school days kept in {time.perf_counter() - began_s:.0f} s")
        await conn.execute("analyze figure")
        cursor = await conn.execute("select pg_total_relation_size('figure')")
        (size,) = await cursor.fetchone() or (0,)
        print(f"{size / 1e6:.0f} MB, {(term.last - term.first).days + 1} days of a term")
        for kind in (GroupKind.CITY, GroupKind.CLUSTER, GroupKind.LEVEL, GroupKind.ISP):
            await _time(conn, f"term by {kind}", lambda k=kind: summed_figures(conn, k, "", term))  # type: ignore[misc]
        await _time(conn, "term by ward, all 168", lambda: summed_inside(conn, GroupKind.WARD, term))
        for span in SpanKind:
            asked = BriefAsked(span, LAST, GroupKind.CLUSTER)
            await _time(conn, f"whole brief, {span}", lambda a=asked: read_brief(conn, a, brand))  # type: ignore[misc]


async def _time(conn: AsyncConnection[Any], name: str, ask: Callable[[], Awaitable[Any]]) -> None:
    taken = []
    for _ in range(RUNS):
        began_s = time.perf_counter()
        await ask()
        taken.append(1000 * (time.perf_counter() - began_s))
    print(f"{name:<24} median {statistics.median(taken):6.0f} ms, worst {max(taken):6.0f} ms")


def _config(name: str) -> str:
    return (files("config") / name).read_text(encoding="utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="eduops-figures-") as folder:
        Path(folder).chmod(0o755)
        postgres = prepare_postgres(Path(folder), durable=False)
        server = Server(postgres.spec(), Path(folder) / "postgres.log")
        server.start()
        try:
            postgres.create_database("figures")
            prepare_database(postgres.url("figures"))
            asyncio.run(measure(postgres.url("figures")))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
