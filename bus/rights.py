"""What each user of the NATS server may say and hear: what does not stand here is refused.

A subject may have `*` for one token and `>` for the rest. Log and subject of a log are named alike for all
users, so that a line of the table reads as what its service does.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bus.connection import inbox_of
from bus.jetstream_api import API
from bus.mqtt_store import MESSAGES, RELEASES, RETAINED, RETAINED_SUBJECTS, SESSIONS, UNRELEASED
from contract.entry import ALERTS_LOG, QUARANTINE_LOG, telemetry_log
from contract.live import (
    ALERT_SUBJECT,
    INCIDENT_SUBJECT,
    NOTICE_SUBJECT,
    SILENCE_SUBJECT,
    SUMMARY_SUBJECT,
    SWAP_SUBJECT,
)

NATS: Final = "STANDARD"
MQTT: Final = "MQTT"
EVERYTHING: Final = ">"
SHORT: Final = 4
"""Subjects that stand in one line of the configuration; more stand in a line each."""


class BrokerUser(StrEnum):
    """A user of the server; whoever is none of them is a device, about whom the authoriser is asked."""

    OPERATOR = "operator"
    """The command line, and whoever prepares, copies and restores the logs."""
    INGEST = "ingest"
    """Ingest's session, which hears the devices."""
    INGEST_LOG = "ingest_log"
    """Ingest's other connection: what is accepted goes to the log, and what MQTT keeps is limited."""
    PROCESSOR = "processor"
    DASHBOARD = "dashboard"
    NOTIFIER = "notifier"
    SIMULATOR = "simulator"
    WATCHDOG = "watchdog"
    AUTHORISER = "authoriser"
    """Of the system account, with its few subjects there: `bus.auth.callout`."""


@dataclass(frozen=True, slots=True)
class SubjectRights:
    """What a user may do."""

    doors: tuple[str, ...]
    """The protocols that it may come by."""
    says: tuple[str, ...]
    """Where it may publish, and what it may ask JetStream."""
    hears: tuple[str, ...] = ()
    """What it may subscribe to."""
    deaf_to: tuple[str, ...] = ()
    """What is kept from it where it may hear all else; `hears` is empty then."""
    answers: bool = False
    """Whether it may answer those who ask it, wherever they wait."""


def rights_of(partitions: int) -> Mapping[BrokerUser, SubjectRights]:
    """Return the rights of all users but the authoriser.

    Args:
        partitions: Of the telemetry log; a log's name is one token, for which there is no pattern.
    """
    telemetry = [telemetry_log(partition) for partition in range(partitions)]
    kept = [*telemetry, QUARANTINE_LOG]
    every = [*kept, ALERTS_LOG]
    return {
        BrokerUser.OPERATOR: SubjectRights((NATS, MQTT), (EVERYTHING,), (EVERYTHING,)),
        BrokerUser.INGEST: SubjectRights(
            (MQTT,),
            ("edu.v1.probe", "edu.v1.probe.>", "slice.*.edu.v1.probe.>"),
            deaf_to=("log.>", "live.>", "_INBOX.>"),
        ),
        BrokerUser.INGEST_LOG: _service(
            BrokerUser.INGEST_LOG, *_appends(*kept), *_asks(kept, "STREAM.MSG.GET.{}"), *_minds_mqtt()
        ),
        BrokerUser.PROCESSOR: _service(
            BrokerUser.PROCESSOR,
            *_appends(ALERTS_LOG),
            *_asks(every, "STREAM.INFO.{}", "STREAM.MSG.GET.{}", "STREAM.PURGE.{}"),
            *_asks(every, "CONSUMER.CREATE.{}.*", "CONSUMER.MSG.NEXT.{}.*", "CONSUMER.DELETE.{}.*"),
            f"{SUMMARY_SUBJECT}.*",
            ALERT_SUBJECT,
            INCIDENT_SUBJECT,
            SILENCE_SUBJECT,
            SWAP_SUBJECT,
        ),
        BrokerUser.DASHBOARD: _service(
            BrokerUser.DASHBOARD, *_appends(ALERTS_LOG), *_asks(kept, "STREAM.INFO.{}"), hears=("live.>",)
        ),
        BrokerUser.NOTIFIER: _service(BrokerUser.NOTIFIER, *_appends(ALERTS_LOG), NOTICE_SUBJECT),
        # Where schools share its connections it speaks for each of them.
        BrokerUser.SIMULATOR: _service(
            BrokerUser.SIMULATOR,
            "edu.v1.>",
            "slice.*.edu.v1.>",
            hears=("live.fault",),
            doors=(NATS, MQTT),
            answers=True,
        ),
        BrokerUser.WATCHDOG: SubjectRights(
            (MQTT,),
            ("edu.v1.*.*.canary.bandwidth", "slice.*.edu.v1.*.*.canary.bandwidth"),
            deaf_to=(EVERYTHING,),
        ),
    }


def _minds_mqtt() -> list[str]:
    """Return what it takes to limit what MQTT keeps, to erase of it, and to see who hears."""
    return [
        *_asks((MESSAGES, RETAINED, SESSIONS, UNRELEASED, RELEASES), "STREAM.INFO.{}", "STREAM.UPDATE.{}"),
        *_asks((MESSAGES, RETAINED, SESSIONS), "STREAM.MSG.GET.{}"),
        *_asks((MESSAGES, RETAINED), "STREAM.MSG.DELETE.{}"),
        *_asks((MESSAGES,), "CONSUMER.LIST.{}"),
        f"{RETAINED_SUBJECTS}>",
    ]


def _service(
    user: BrokerUser,
    *says: str,
    hears: tuple[str, ...] = (),
    doors: tuple[str, ...] = (NATS,),
    answers: bool = False,
) -> SubjectRights:
    """Return rights with an inbox, on which a connection also says to itself that the server took all up."""
    inbox = f"{inbox_of(user)}.>"
    return SubjectRights(doors, tuple(dict.fromkeys((*says, inbox))), (*hears, inbox), answers=answers)


def _appends(*logs: str) -> list[str]:
    """Return what it takes to append: a log that does not answer is asked whether it exists."""
    return [*(f"log.{log}" for log in logs), *_asks(logs, "STREAM.INFO.{}")]


def _asks(logs: Iterable[str], *questions: str) -> list[str]:
    return [f"{API}.{question.format(log)}" for question in questions for log in logs]


def users_of_the_server(partitions: int, password: Callable[[BrokerUser], str]) -> str:
    """Return the users of a server's configuration, lines of `authorization { users: [ … ] }`.

    Args:
        partitions: Of the telemetry log.
        password: Says each one's, as it is to stand there: quoted, or a variable.
    """
    return "".join(_user(user, own, password(user)) for user, own in rights_of(partitions).items())


def password_variable(user: BrokerUser) -> str:
    """Return the variable of a server's configuration that holds a password: `make env` writes their file."""
    return f"$NATS_{user.name}_PASSWORD"


def _user(user: BrokerUser, own: SubjectRights, password: str) -> str:
    heard = f"deny: {_listed(own.deaf_to)}" if own.deaf_to else f"allow: {_listed(own.hears)}"
    answers = '\n        allow_responses: { max: 1, expires: "1m" }' if own.answers else ""
    return f"""\
    {{
      user: {user}
      password: {password}
      allowed_connection_types: {json.dumps(own.doors)}
      permissions: {{
        publish: {{ allow: {_listed(own.says)} }}
        subscribe: {{ {heard} }}{answers}
      }}
    }}
"""


def _listed(subjects: tuple[str, ...]) -> str:
    """Return a list of the configuration, one subject a line where there are many."""
    if len(subjects) <= SHORT:
        return json.dumps(subjects)
    lines = "".join(f"          {json.dumps(subject)}\n" for subject in subjects)
    return f"[\n{lines}        ]"
