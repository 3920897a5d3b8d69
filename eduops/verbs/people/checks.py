"""What `eduops doctor` says about people's sign-in."""

from contract.errors import EduopsError
from eduops.settings import Settings
from eduops.wiring import oidc_config


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
