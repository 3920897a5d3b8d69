"""The end of what an administrator chose on a page: a wall, a token."""

from fastapi import Request

from ops_dashboard.access.record import on_record
from ops_dashboard.people.forms import read_form
from ops_dashboard.people.office import PeopleOffice, asking_person
from storage.people.credentials import CredentialKind, end_credentials


async def end_chosen(office: PeopleOffice, request: Request, kind: CredentialKind) -> None:
    """End the credential of a kind whose id a form sends, on record."""
    which = (await read_form(request)).get("id", "")
    on_record(subject=which)
    async with office.connection() as conn:
        await end_credentials(conn, (kind,), asking_person().name, credential_id=which)
