"""The verb `eduops stories`."""

import asyncio
from typing import Annotated

import typer

from eduops.verbs.stopping import run_until_stopped


def stories(
    port: Annotated[int, typer.Option(help="Port to listen on, on this machine alone.")] = 8060,
) -> None:
    """Show every state of the screens from canned data: no database, no broker, nothing is kept."""
    from eduops.stories.server import LIST_PATH, make_server
    from ops_dashboard.app import serve
    from ops_dashboard.config import DashboardConfig

    async def run(stop: asyncio.Event) -> None:
        config = DashboardConfig("", 1, "stories", port=port)
        where = f"http://127.0.0.1:{port}{LIST_PATH}"
        await serve(make_server(config), config, stop, lambda: typer.echo(where))

    run_until_stopped(run)
