"""A mail server of a test, and what it took."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from eduops.machine.ports import free_ports


class Mailbox:
    """What a mail server took; answers with an error where a test wants one."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Take a mail; called by aiosmtpd."""
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
        return self.answer


@contextmanager
def open_mailbox() -> Iterator[tuple[Mailbox, str]]:
    """Run a mail server for the length of the block; yield what it takes and its channel's address."""
    box, port = Mailbox(), free_ports(1)[0]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}?from=ops@center.example&to=an@school.example"
    finally:
        controller.stop()
