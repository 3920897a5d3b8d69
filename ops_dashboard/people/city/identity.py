"""Who comes back from the city's sign-in, and why nobody does: known without the client's libraries."""

from typing import NamedTuple

from contract.access.mapping import Claims
from contract.errors import EduopsError, InfrastructureError


class ProviderSilentError(InfrastructureError):
    """The provider does not answer, or not as one."""


class IdentityRefusedError(EduopsError):
    """What came back does not prove who somebody is; the message is for the log."""


class Identity(NamedTuple):
    """Somebody, as the provider knows them."""

    subject: str
    """Issuer and `sub`: what never changes."""
    claims: Claims
    id_token: str
