"""A mail server on loopback that keeps what it takes."""

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

    def __init__(self, port: int) -> None:
        self.mails: list[Message] = []
        self.answer = "250 OK"
        self.tries = 0
        self.url = f"mailto://127.0.0.1:{port}?from=ops@center.example&to=an@school.example"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        """Take a mail; called by aiosmtpd."""
        self.tries += 1
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
        return self.answer


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """Run a mail server for the length of the block."""
    port = free_ports(1)[0]
    box = Mailbox(port)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def attached_to(mail: Message) -> dict[str, bytes]:
    """Return the files of a mail by name."""
    parts = mail.iter_attachments()  # type: ignore[attr-defined]
    return {part.get_filename(): part.get_payload(decode=True) for part in parts}


def text_of(mail: Message) -> list[str]:
    """Return the lines of a mail's text."""
    body = mail.get_body(("plain",))  # type: ignore[attr-defined]
    return body.get_content().strip().splitlines()  # type: ignore[no-any-return]
