"""Every event that the services log, and the fields of its line: one literal catalogue.

A line is `event=NAME key=value …: sentence`: fields are codes, numbers and addresses, and what only a
person can read is the sentence. Code writes it as a literal template with one conversion a field,
`_logger.warning("event=server_lost log=%s retry_s=%.1f: %s", name, pause_s, error)`; `eduops.log_lines`
reads events and fields from templates, never from the text that they became.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

LIBRARY: Final = "library"
"""Event of lines that are none of ours: a library's own words."""


class LogEvent(NamedTuple):
    """One event."""

    name: str
    fields: tuple[str, ...]
    """In the order of the line; each stands in `LOG_FIELDS`."""
    meaning: str


LOG_FIELDS: Final[Mapping[str, str]] = {
    "acknowledged": "MQTT messages acknowledged",
    "address": "of a client, or of a websocket",
    "alert": "identity of an alert",
    "appended": "readings and refusals that are durable in their logs",
    "by": "the way out: webhook or command of the watchdog, else the scheme of a channel",
    "client": "MQTT client id",
    "connections": "their number",
    "credentials": "those of devices that are known, their number",
    "days": "those that somebody decided about, their number",
    "device": "name of a device, SCHOOL/DEVICE",
    "devices": "their number",
    "ending": "why an alert ended",
    "faults": "simulated faults that are on",
    "file": "path of a file",
    "for_s": "length, seconds of log time",
    "host": "of a broker",
    "incident": "identity of an incident",
    "key": "idempotency key of a notice, or of a report",
    "kind": "of a notice: alarm, repeat, recovery; of a simulated fault; of an exception",
    "lag_s": "seconds of log time behind now",
    "last_entry": "newest entry that a log still has",
    "log": "name of a log",
    "logs": "number of logs that this process owns",
    "lost": "packs that fell out of a full buffer",
    "messages": "number of MQTT messages",
    "method": "of an HTTP request",
    "partition": "of the telemetry",
    "path": "of an HTTP request",
    "port": "of a broker",
    "position": "up to which entry a log is committed",
    "readers": "people and channels that get a report, their number",
    "readings_per_s": "readings a second since the line before",
    "reason": "why a client is not let in",
    "reasons": "refusals by reason",
    "received": "readings received",
    "rejected": "readings refused",
    "retry_s": "seconds until it is tried again",
    "rule": "name of an alert rule",
    "schools": "their number",
    "subject": "NATS subject",
    "topics": "number of MQTT topics",
    "unacknowledged": "messages without an acknowledgement",
    "url": "of NATS servers",
    "version": "of a fleet",
    "worker": "name of a processor",
    "workers": "number of processors; of a notifier, messages that it sends at once",
}
"""Meaning of every field."""

_LOG_OF: Final = ("log", "worker")

LOG_EVENTS: Final = (
    LogEvent("action_without_alert", ("alert",), "An engineer's action names an alert that is not there."),
    LogEvent(
        "action_without_incident",
        ("incident",),
        "An engineer's action names an incident that is not there.",
    ),
    LogEvent(
        "alert_retired", ("alert", "rule", "ending"), "An alert ends: its rule, device or school is gone."
    ),
    LogEvent("alerts_not_read", (), "The dashboard could not read the open alerts and tries again."),
    LogEvent("answer_not_sent", ("subject",), "The line to NATS broke before an answer was sent."),
    LogEvent("append_failed", ("log", "retry_s"), "A log did not take an entry; it is offered again."),
    LogEvent("audit_not_written", ("method", "path"), "A deed is not on record: PostgreSQL does not answer."),
    LogEvent("authoriser_started", ("credentials",), "An authoriser answers the broker."),
    LogEvent("calendar_changed", ("days",), "Somebody decided about days that calendar.toml does not have."),
    LogEvent("callout_unreadable", (), "The broker asked who a client is in words that nobody knows."),
    LogEvent("certificate_changed", ("file",), "New connections get another certificate."),
    LogEvent("certificate_refused", ("file",), "A certificate that cannot be served; the one before stays."),
    LogEvent(
        "connections_full",
        ("connections",),
        "The dashboard has as many connections as it takes, in all or of one address, and ended a new one.",
    ),
    LogEvent("connections_shared", ("schools", "connections"), "Simulated schools have no last will."),
    LogEvent("database_unavailable", ("method", "path"), "A request was answered with 503."),
    LogEvent("device_not_connected", (), "A device does not reach its broker."),
    LogEvent("device_not_disconnected", (), "A device that may not stay connected could not be ended."),
    LogEvent("device_over_share", ("device",), "A device has sent more than its share and is held off."),
    LogEvent("device_refused", ("device", "reason", "address"), "A client is not let in."),
    LogEvent("device_twice", ("device",), "Two devices seem to have one name and secret."),
    LogEvent("devices_disconnected", ("connections",), "Connections ended: revoked, or another secret."),
    LogEvent("devices_not_issued_anew", ("devices",), "Refused simulated devices wait for the database."),
    LogEvent("devices_not_simulated", ("devices",), "Devices with a credential of their own stay silent."),
    LogEvent("fault_started", ("kind", "schools", "for_s"), "The simulator puts a fault on schools."),
    LogEvent("file_not_on_record", ("file",), "A changed file could not be put on record yet."),
    LogEvent("fleet_changed", ("version", "schools"), "A service goes on with another fleet."),
    LogEvent("former_owner_speaks", ("partition",), "A summary of a displaced owner was passed over."),
    LogEvent("handler_failed", ("subject",), "A bug: a question over NATS was answered with a failure."),
    LogEvent(
        "ingest_progress",
        ("messages", "received", "rejected", "appended", "acknowledged", "unacknowledged", "reasons"),
        "Totals since the start.",
    ),
    LogEvent("ingest_stopped", ("messages",), "Ingest ends with messages that the broker keeps."),
    LogEvent("journal_not_put_aside", ("file",), "The watchdog's damaged journal could not be renamed."),
    LogEvent("journal_not_written", ("file",), "The watchdog's journal could not be written."),
    LogEvent("journal_unreadable", ("file",), "The watchdog starts without its journal."),
    LogEvent("leases_out_of_reach", (), "A processor could not renew its leases."),
    LogEvent(LIBRARY, (), "A line of a library, in its own words."),
    LogEvent("live_event_dropped", ("subject",), "A live event was not sent: the line to NATS is down."),
    LogEvent("live_message_unreadable", ("subject",), "A live message is not what its subject promises."),
    LogEvent("log_given_back", _LOG_OF, "A processor finished with a log and gave its lease back."),
    LogEvent("log_lost", _LOG_OF, "A processor lost the lease of a log and stops its owner."),
    LogEvent(
        "log_lost_its_end",
        ("log", "position", "last_entry"),
        "A power cut took entries back that were committed; the log is read again from before.",
    ),
    LogEvent("log_taken", ("log", "worker", "workers"), "A processor begins to own a log."),
    LogEvent("logout_refused", ("address",), "A logout of the city's provider that it did not sign for us."),
    LogEvent("look_left_out", (), "Ingest could not note how far the broker's session is."),
    LogEvent("maintenance_failed", (), "Chunks, rollups and retention could not be kept up."),
    LogEvent("mqtt_connection_broken", (), "A connection to the MQTT broker broke."),
    LogEvent("mqtt_malformed", (), "The MQTT broker sent what is no MQTT."),
    LogEvent("mqtt_not_connected", ("host", "port"), "No MQTT session yet; it is tried again."),
    LogEvent("mqtt_session_forgotten", ("client",), "The MQTT broker has no such session any more."),
    LogEvent("mqtt_session_lost", ("host", "port"), "The MQTT session broke; the broker keeps its messages."),
    LogEvent("mqtt_session_up", ("client", "host", "port"), "The MQTT session stands."),
    LogEvent("nats_connected", ("url",), "The connection to NATS is back."),
    LogEvent("nats_error", (), "NATS complains."),
    LogEvent("nats_lost", ("url",), "The connection to NATS is lost; it is tried again."),
    LogEvent("notice", ("kind", "key"), "The watchdog raises, repeats or ends its alarm."),
    LogEvent("notice_given_up", ("key",), "No channel of a contact takes a notice."),
    LogEvent("notice_not_sent", ("by", "key", "retry_s"), "A notice was not handed over; it is tried again."),
    LogEvent("notice_sent", ("by", "key"), "A notice was handed over."),
    LogEvent(
        "notice_withheld", ("key",), "A contact's account may not see what a notice is about, or is disabled."
    ),
    LogEvent("notices_stay_here", (), "No way out is set: notices go to this log only."),
    LogEvent("notifier_started", ("workers",), "A notifier begins to send."),
    LogEvent("outbox_lost", ("retry_s",), "The notifier lost PostgreSQL, or NATS, and comes back."),
    LogEvent("owner_displaced", ("log", "connections"), "Connections of a former owner were ended."),
    LogEvent("page_not_served", (), "The watchdog did not get the wall's page."),
    LogEvent("past_not_read", (), "The dashboard could not read last week's figures and tries again."),
    LogEvent("position_moved", ("log",), "Another owner committed; this one begins anew from the tables."),
    LogEvent("process_crashed", ("kind",), "A bug: the process ends."),
    LogEvent("process_failed", (), "The process ends, and why."),
    LogEvent(
        "processor_progress",
        ("readings_per_s", "lag_s", "logs", "received"),
        "Half a minute's work, and the lag of the slowest partition.",
    ),
    LogEvent("provider_silent", (), "The city's sign-in does not answer."),
    LogEvent("report_due", ("key", "readers"), "A report is due and waits to be sent."),
    LogEvent("report_not_made", ("key",), "A bug: a report could not be made; it is tried again."),
    LogEvent("request_failed", ("method", "path"), "A bug: a request was answered with 500."),
    LogEvent("retained_not_erased", ("topics",), "The broker still keeps refused messages."),
    LogEvent("routes_changed", ("file",), "Another routes.toml is in force."),
    LogEvent("routes_refused", ("file",), "A changed routes.toml is wrong; the one before stays in force."),
    LogEvent("seat_taken", ("worker",), "A processor has a name among its kind."),
    LogEvent("server_lost", ("log", "retry_s"), "An owner lost NATS or PostgreSQL and begins anew."),
    LogEvent("session_not_retired", ("client",), "A former session is not drained yet; it is tried again."),
    LogEvent("session_retired", ("client", "messages"), "A former session is drained and ended."),
    LogEvent("shares_not_seen", (), "The broker did not say what each device has sent; it is asked again."),
    LogEvent("sightings_wait", (), "How devices were seen could not be kept yet."),
    LogEvent("sign_in_failed", ("address",), "A wrong name or password, or no proof by the city's account."),
    LogEvent("sign_in_file_refused", ("file",), "A mistake in sign_in.toml; the one before stays in force."),
    LogEvent("sign_in_slowed", ("address",), "After too many failures in a row a sign-in has to wait."),
    LogEvent("sign_in_unmapped", ("address",), "Somebody of the city whom no mapping of sign_in.toml fits."),
    LogEvent("simulator_behind", ("lag_s",), "The simulator is too slow and leaves slots out."),
    LogEvent(
        "simulator_progress",
        ("schools", "connections", "messages", "acknowledged", "unacknowledged", "lost", "faults"),
        "Totals since the start, and what is on.",
    ),
    LogEvent("summary_misfit", ("partition",), "A summary speaks of another fleet than the dashboard's."),
    LogEvent("tick_left_out", ("log",), "A log did not take a tick; the next one says the time."),
    LogEvent("wall_lost", ("address",), "The watchdog's websocket broke; it is opened again."),
)
"""Every event, by name."""
