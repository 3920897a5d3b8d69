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
        from ops_dashboard.people.identity_provider import IdentityProvider

        await IdentityProvider(config).describe()
    except EduopsError as error:
        return False, f"nobody can sign in with the city's account: {error}"
    return True, f"the city's sign-in answers as {settings.oidc_issuer}"


async def rights_sentence(settings: Settings) -> tuple[bool, str]:
    """Return whether each service has the rights in the database that it needs and no more, and a sentence.

    Raises:
        InfrastructureError: PostgreSQL does not answer.
    """
    async with await connect(database_url(settings)) as conn:
        missing = sorted({role.value for role in DatabaseRole} - set(await present_roles(conn)))
        if missing:
            return False, (
                f"the database has no role {', '.join(missing)}, so services have more rights than they "
                "need: docs/operating.md says how the roles are made"
            )
        excess, owners = await excess_rights(conn), await connected_as_owner(conn)
    if excess:
        return False, f"more rights in the database than the services need: {'; '.join(excess)}"
    if owners:
        return False, (
            f"{owners} connections have all rights in the database: let services connect as their own roles"
        )
    return True, f"each service has a role of its own in the database ({len(DatabaseRole)} roles)"
