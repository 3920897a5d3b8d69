"""Free ports for servers that are told theirs before they start."""

import random
import socket
from contextlib import ExitStack
from typing import Final

CHOICE: Final = range(20_000, 32_768)
"""Below the ports that systems give to outgoing connections (Linux 32,768 on, IANA 49,152 on): one of those
may be taken by any client between the choice and the start."""
TRIES: Final = 1_000


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody listens on, all different.

    Raises:
        OSError: as good as all are taken.
    """
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(CHOICE, TRIES):
            try:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == count:
                return ports
    raise OSError(f"no {count} free ports from {CHOICE.start} to {CHOICE.stop - 1} were found")
