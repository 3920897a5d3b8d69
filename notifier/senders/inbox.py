"""The center's own inbox, `inbox://`: kept here, sent nowhere."""

import asyncio
from pathlib import Path

from alerting.messages.wording import MessageForm
from config.inbox import InboxMessage, keep_message
from contract.routing.delivery import AttemptOutcome
from notifier.senders.outlet import TAKEN, ChannelAnswer, Letter


class InboxOutlet:
    """A folder of messages; one that is there already is not written again."""

    form = MessageForm.CHAT

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letter: Letter) -> ChannelAnswer:
        """See `Outlet`."""
        text = letter.text
        message = InboxMessage(
            letter.key, letter.to, letter.at_us, letter.priority, text.title, text.body, letter.incident_id
        )
        try:
            await asyncio.to_thread(keep_message, self._folder, message)
        except OSError as error:
            return ChannelAnswer(AttemptOutcome.FAILED, f"the folder cannot be written: {error.strerror}")
        return TAKEN
