"""The websocket door `/ws/live`: hello, then whatever the hub says; the guard has asked who comes."""

import asyncio
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from contract.fleet import Fleet
from ops_dashboard.live.hub import Client, Hub
from ops_dashboard.view.areas import find_area

INBOUND_MAX_BYTES: Final = 256
"""A page has nothing to say but a heartbeat; a larger message ends the connection."""
SEND_TIMEOUT_S: Final = 10.0
"""A browser that takes longer for one message has stopped reading."""
CLOSE_TOO_BIG: Final = 1009
"""Close code: the message is too big. Source: RFC 6455 section 7.4.1."""
CLOSE_NO_AREA: Final = 1008
"""Close code: a policy is violated, for an area that the fleet does not have. Source: the same."""
CLOSE_TRY_LATER: Final = 1013
"""Close code: come back in a moment. Source: IANA WebSocket close codes."""


def live_routes(hub: Hub, fleet: Fleet) -> APIRouter:
    """Return the router with `/ws/live`.

    `?alerts=1` adds what changed: alerts, incidents, notices; `?area=` is a cluster or ward by code or name.
    """
    router = APIRouter()

    @router.websocket("/ws/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        asked = socket.query_params.get("area", "")
        area = find_area(asked, fleet)
        if asked and area is None:
            await socket.close(CLOSE_NO_AREA)
            return
        wants_changes = socket.query_params.get("alerts") == "1"
        async with hub.client(wants_changes=wants_changes, area=area) as client:
            await _converse(socket, client)

    return router


async def _converse(socket: WebSocket, client: Client) -> None:
    """Run the writer and the reader until either ends."""
    writer = asyncio.create_task(_write(socket, client))
    reader = asyncio.create_task(_read(socket))
    try:
        done, _ = await asyncio.wait([writer, reader], return_when=asyncio.FIRST_COMPLETED)
        code = next(iter(done)).result()
        if code is not None:
            await socket.close(code)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        client.drop()
    finally:
        for task in (writer, reader):
            task.cancel()
        await asyncio.gather(writer, reader, return_exceptions=True)


async def _write(socket: WebSocket, client: Client) -> int:
    while (message := await client.next_message()) is not None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_text(message.decode())
    return CLOSE_TRY_LATER


async def _read(socket: WebSocket) -> int | None:
    """Discard heartbeats; return the close code of a message that does not belong here."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        content = message.get("text") or message.get("bytes") or ""
        if len(content) > INBOUND_MAX_BYTES:
            return CLOSE_TOO_BIG
