"""A message by hand through every channel of a contact, and what each of them answered."""

import uuid
from collections.abc import Callable
from typing import NamedTuple

from alerting.messages.story import Office
from alerting.messages.webhook import webhook_words
from alerting.messages.wording import MessageForm, write_test
from contract.routing.delivery import AttemptOutcome
from contract.routing.route import Routing
from notifier.channels import Channels, addresses, language_of, scheme_of
from notifier.config import NotifierConfig
from notifier.senders.outlet import AddressError, ChannelAnswer, Letter


class TrialAnswer(NamedTuple):
    """What one channel made of the message."""

    scheme: str
    answer: ChannelAnswer


async def send_trial(
    config: NotifierConfig, routing: Routing, office: Office, to: str, now_us: int
) -> list[TrialAnswer]:
    """Send a message through every channel of a person or channel, and return the answers in their order.

    Args:
        config: settings.
        routing: has the contact.
        office: what every message needs.
        to: name of the person or channel.
        now_us: log time, µs since 1970.
    """
    language, key = language_of(routing, to), f"trial-{uuid.uuid4().hex[:18]}"

    def letter(form: MessageForm) -> Letter:
        text = write_test(office, to, form, language)
        return Letter(key, to, text, webhook_words(to, text, office, "trial"), at_us=now_us)

    return await send_everywhere(config, routing, to, letter)


async def send_everywhere(
    config: NotifierConfig, routing: Routing, to: str, letter: Callable[[MessageForm], Letter]
) -> list[TrialAnswer]:
    """Send through every channel of a person or channel, and return the answers in their order.

    Args:
        config: settings.
        routing: has the contact.
        to: name of the person or channel.
        letter: writes what is sent in the form of a channel.
    """
    channels, answers = Channels(config), list[TrialAnswer]()
    for url in addresses(routing, to):
        try:
            outlet = await channels.outlet(url)
        except AddressError as error:
            answer = ChannelAnswer(AttemptOutcome.REFUSED, str(error))
        else:
            answer = await outlet.send(letter(outlet.form))
        answers.append(TrialAnswer(scheme_of(url), answer))
    return answers
