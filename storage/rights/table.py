"""The rights of each role, table by table: what does not stand here is closed.

A role reads (`r`), adds rows (`a`), changes rows (`w`) or removes rows (`d`), in PostgreSQL's own letters.
Nobody but the owner of the tables has any other right; no role may change or remove what is on record.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class DatabaseRole(StrEnum):
    """A role of the database, named alike in every database of a server."""

    INGEST = "eduops_ingest"
    AUTHORISER = "eduops_authoriser"
    PROCESSOR = "eduops_processor"
    DASHBOARD = "eduops_dashboard"
    NOTIFIER = "eduops_notifier"
    SIMULATOR = "eduops_simulator"
    OPERATOR = "eduops_operator"
    """The command line, but for what needs the owner: prepare, backup, restore."""


PRIVILEGES: Final[Mapping[str, str]] = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
"""Source: PostgreSQL, Privileges, table "ACL Privilege Abbreviations"."""


def _each(letters: str, names: str) -> dict[str, str]:
    """Return the same rights on several tables, named with spaces between."""
    return dict.fromkeys(names.split(), letters)


_FLEET: Final = {
    **_each("r", "setting cluster ward school device"),
    "metric": "ra",  # a metric that is new gets its number from whoever meets it first
    "metric_unit": "ra",
}
_READINGS: Final = _each("r", "reading reading_15m reading_1h reading_1d chunk kpi_minute")
_SHOWN: Final = _each(
    "r",
    "position retention quarantine alert alert_event incident incident_member incident_event exercise "
    "silence duty_swap notice notice_attempt scheduled_report figure device_seen",
)
_PEOPLE: Final = {
    **_each("rawd", "credential known_browser sign_in_failure screen_pairing"),
    **_each("rad", "recovery_code oidc_sign_in"),
    "app_user": "raw",
    "audit": "ra",
}

RIGHTS: Final[Mapping[DatabaseRole, Mapping[str, str]]] = {
    DatabaseRole.INGEST: _FLEET,
    DatabaseRole.AUTHORISER: {"setting": "r", "device_credential": "r", "device_seen": "raw"},
    DatabaseRole.PROCESSOR: {
        **_FLEET,
        **_READINGS,
        **_each("r", "school_period retention special_day"),
        **_each("rw", "horizon"),
        **_each("raw", "reading reading_15m_rolled reading_1h_rolled reading_1d_rolled position"),
        **_each("rd", "notice_attempt scheduled_report"),
        **_each("rad", "correction transition alert_event incident_event quarantine notice figure"),
        **_each(
            "rawd",
            "kpi_minute alert incident incident_member silence duty_swap exercise outside_alert "
            "notice_state figure_day touched_bucket worker lease",
        ),
    },
    DatabaseRole.DASHBOARD: {
        **_FLEET,
        **_READINGS,
        **_SHOWN,
        **_PEOPLE,
        "device_credential": "raw",
        "device_claim": "rw",
        "special_day": "raw",
        "saved_view": "rawd",
    },
    DatabaseRole.NOTIFIER: {
        **_FLEET,
        **_each("r", "alert incident incident_member incident_event exercise figure figure_day"),
        **_each("r", "contact_user special_day duty_swap"),
        "notice": "raw",
        **_each("ra", "notice_attempt scheduled_report"),
    },
    DatabaseRole.SIMULATOR: {**_FLEET, "device_credential": "raw"},
    DatabaseRole.OPERATOR: {
        **_READINGS,
        **_SHOWN,
        **_PEOPLE,
        **_each("r", "horizon position transition correction outside_alert notice_state figure_day"),
        **_each("r", "worker lease touched_bucket schema_version"),
        **_each("ra", "metric metric_unit"),
        **_each("raw", "special_day setting school school_period device device_credential device_claim"),
        **_each("rawd", "cluster ward"),
    },
}
"""On TimescaleDB the processor owns the readings and their rollups besides: only an owner may drop chunks
and refresh continuous aggregates."""

OWNED_ON_TIMESCALE: Final = ("reading", "kpi_minute", "reading_15m", "reading_1h", "reading_1d")
