"""What `eduops doctor` says about people's sign-in, and about the services' rights in the database."""

from contract.errors import EduopsError
from eduops.connections import database_url
from eduops.settings import Settings
from eduops.wiring import oidc_config
from storage.database import connect
from storage.rights.roles import connected_as_owner, excess_rights, present_roles
from storage.rights.table import DatabaseRole


async def provider_sentence(settings: Settings) -> tuple[bool, str] | None:
    """Return whether the city's provider answers, and a sentence about it; None where there is none."""
    try:
        config = oidc_config(settings)
        if config is None:
            return None
        from ops_dashboard.people.city.provider import IdentityProvider

        await IdentityProvider(config).describe()
    except EduopsError as error:
        return False, f"nobody can sign in with the city's account: {error}"
    return True, f"the city's sign-in answers as {settings.oidc_issuer}"


async def rights_finding(settings: Settings) -> tuple[bool, str, bool]:
    """Return whether no role has too many rights in the database, a sentence, and whether that is doubtful.

    Raises:
        InfrastructureError: PostgreSQL does not answer.
    """
    async with await connect(database_url(settings)) as conn:
        missing = sorted({role.value for role in DatabaseRole} - set(await present_roles(conn)))
        excess, owners = await excess_rights(conn), await connected_as_owner(conn)
    if excess:
        return False, f"more rights in the database than the services need: {'; '.join(excess)}", False
    if missing or owners:
        why = f"{owners} connections have all rights in the database"
        if missing:
            why = f"{why}, which has no role {', '.join(missing)}"
        return True, f"{why}: docs/operating.md says how each service gets a role of its own", True
    return True, f"each service has a role of its own in the database ({len(DatabaseRole)} roles)", False
