"""One open page: a short queue that nothing waits for."""

import asyncio
from collections import deque

from ops_dashboard.view.areas import WallArea


class Client:
    """One open page: a bounded queue that a writer drains."""

    def __init__(self, size: int, wants_changes: bool, part: WallArea | None = None) -> None:
        self.part = part
        """What its snapshots are of; None for all that whoever looks may see."""
        self.wants_changes = wants_changes
        """The engineers' pages follow single alerts, incidents and notices; a wall needs snapshots only."""
        self.dropped = False
        """True once the page fell too far behind; its socket is then closed."""
        self._size = size
        self._waiting: deque[tuple[bool, bytes]] = deque()
        self._more = asyncio.Event()

    def offer(self, message: bytes, *, replaceable: bool) -> None:
        """Put a message in the queue; an older replaceable one makes room, else the client is dropped."""
        if len(self._waiting) >= self._size and not self._make_room():
            self.dropped = True
        if not self.dropped:
            self._waiting.append((replaceable, message))
        self._more.set()

    async def next_message(self) -> bytes | None:
        """Return the next message, or None once the client has been dropped."""
        while not self._waiting and not self.dropped:
            self._more.clear()
            await self._more.wait()
        return None if self.dropped else self._waiting.popleft()[1]

    def drop(self) -> None:
        """End the client: its writer closes the socket."""
        self.dropped = True
        self._more.set()

    def _make_room(self) -> bool:
        for position, (replaceable, _) in enumerate(self._waiting):
            if replaceable:
                del self._waiting[position]
                return True
        return False
