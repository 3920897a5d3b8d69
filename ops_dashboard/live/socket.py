"""The websocket `/ws/live`: hello, then whatever the hub says, for as long as who listens may."""

import asyncio
from typing import Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from contract.access.decision import may
from contract.access.permission import Permission
from contract.fleet import Fleet
from ops_dashboard.access.asking import asking
from ops_dashboard.access.door import CLOSE_ENDED
from ops_dashboard.access.register import Register
from ops_dashboard.live.client import Client
from ops_dashboard.live.hub import Hub
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


def add_live(router: APIRouter, hub: Hub, fleet: Fleet, register: Register) -> None:
    """Add `/ws/live`.

    `?alerts=1` adds what changed: alerts, incidents, notices; `?area=` is a cluster or ward by code or name.
    """

    @router.websocket("/ws/live")
    async def live(socket: WebSocket) -> None:
        bearer = asking()
        assert bearer is not None  # the door lets nobody in of whom it does not know who they are
        await socket.accept()
        if not register.has_room(bearer):
            await socket.close(CLOSE_TRY_LATER)
            return
        who, asked = bearer.principal, socket.query_params.get("area", "")
        narrowing = hub.feed(who.area).narrowing
        part = find_area(asked, fleet if narrowing is None else narrowing.fleet)
        if asked and part is None:
            await socket.close(CLOSE_NO_AREA)
            return
        wants_changes = socket.query_params.get("alerts") == "1" and may(who, Permission.SEE_ALERTS) is None
        with register.line(bearer) as ended:
            async with hub.client(who.area, wants_changes=wants_changes, part=part) as client:
                await _converse(socket, client, ended)


async def _converse(socket: WebSocket, client: Client, ended: asyncio.Event) -> None:
    """Run the writer and the reader until either ends, or who listens may no longer."""
    writer = asyncio.create_task(_write(socket, client))
    reader = asyncio.create_task(_read(socket))
    watcher = asyncio.create_task(_leave(ended))
    try:
        done, _ = await asyncio.wait([watcher, writer, reader], return_when=asyncio.FIRST_COMPLETED)
        code = next(iter(done)).result()
        if code is not None:
            await socket.close(code)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        client.drop()
    finally:
        for task in (writer, reader, watcher):
            task.cancel()
        await asyncio.gather(writer, reader, watcher, return_exceptions=True)


async def _leave(ended: asyncio.Event) -> int:
    await ended.wait()
    return CLOSE_ENDED


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
