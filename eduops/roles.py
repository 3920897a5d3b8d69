"""As whom each service connects to database and broker, and which secrets its process is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bus.rights import BrokerUser
from contract.errors import ConfigurationError
from eduops.connections import database_url, owner_url
from eduops.settings import SECRETS, Settings
from storage.database import prepare_database
from storage.rights.roles import as_role
from storage.rights.table import DatabaseRole

_NATS: Final = frozenset({"nats_password"})
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "authoriser": frozenset({"authoriser_password"}),
    "ingest": _NATS | {"mqtt_password"},
    "processor": _NATS,
    "dashboard": _NATS | {"oidc_client_secret"},
    "notifier": _NATS,
    "simulator": _NATS,
    "watchdog": frozenset({"watchdog_password", "watchdog_url", "wall_token"}),
}
"""The secrets of each service beside its connection string; the watchdog has no database."""


def role_passwords(settings: Settings) -> dict[DatabaseRole, str]:
    """Return the passwords of the roles that `prepare` makes; none where no folder of them is set.

    Raises:
        ConfigurationError: a file is missing or empty.
    """
    folder = settings.database_passwords_dir
    return {} if folder is None else {role: _password(folder, role) for role in DatabaseRole}


def _password(folder: Path, name: str) -> str:
    try:
        password = (folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the password of {name} cannot be read: {error}") from error
    if not password:
        raise ConfigurationError(f"{folder / name} is empty: it is to hold the password of that name")
    return password


def prepare_tables(settings: Settings) -> None:
    """Bring the database to this version's schema as its owner, with a role for each service.

    Raises:
        EduopsError: the server does not answer, or the owner's role may not do so.
    """
    prepare_database(
        owner_url(settings),
        chunk_h=settings.chunk_h,
        raw_retention_h=settings.raw_retention_h,
        passwords=role_passwords(settings),
    )


def broker_passwords(settings: Settings) -> dict[BrokerUser, str]:
    """Return the passwords of the users of a NATS server of one's own; none where no folder of them is set.

    Raises:
        ConfigurationError: a file is missing or empty.
    """
    folder = settings.nats_passwords_dir
    return {} if folder is None else {user: _password(folder, f"nats_{user}") for user in BrokerUser}


def with_role(settings: Settings, role: DatabaseRole, *, peer: bool) -> Settings:
    """Return settings that connect as a role.

    Args:
        settings: Of the whole system.
        role: The role.
        peer: Whether the server asks the kernel who connects, as the embedded one does; else the role has
            its password from the folder of passwords, and without one the connection string stays as it is.

    Raises:
        ConfigurationError: its password cannot be read.
    """
    folder = settings.database_passwords_dir
    if peer:
        own = as_role(database_url(settings), role.value)
    elif folder is not None:
        own = as_role(database_url(settings), role.value, _password(folder, role))
    else:
        own = database_url(settings)
    return settings.but(database_url=own, database_password=None)


def of_service(
    settings: Settings, service: str, *, peer: bool, users: Mapping[BrokerUser, str] | None = None
) -> Settings:
    """Return the settings of a service's process: its own role and user, and no secret that it does not need.

    Args:
        settings: Of the whole system.
        service: Which one.
        peer: As in `with_role`.
        users: Passwords at the NATS server by user; without them all connect as `nats_user`.
    """
    if service != "watchdog":
        settings = with_role(settings, DatabaseRole[service.upper()], peer=peer)
    if users:
        settings = _as_users(settings, service, users)
    kept = NEEDED[service] | ({"database_url"} if service != "watchdog" else set())
    return settings.but(**dict.fromkeys(SECRETS - kept), database_passwords_dir=None, nats_passwords_dir=None)


def _as_users(settings: Settings, service: str, users: Mapping[BrokerUser, str]) -> Settings:
    user = BrokerUser.INGEST_LOG if service == "ingest" else BrokerUser(service)
    settings = settings.but(nats_user=user, nats_password=users[user])
    if settings.mqtt_broker != "nats":
        return settings
    return settings.but(
        mqtt_user=BrokerUser.INGEST,
        mqtt_password=users[BrokerUser.INGEST],
        watchdog_password=users[BrokerUser.WATCHDOG],
        authoriser_password=users[BrokerUser.AUTHORISER],
    )
