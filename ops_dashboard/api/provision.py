"""A device gets its secret, once, for a code of its own: nobody types a secret."""

import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from contract.devices.credential import SECRET_BYTES, write_secret
from contract.errors import ConfigurationError
from ops_dashboard.access.record import on_record
from ops_dashboard.api.answers import Refusal, json_answer
from ops_dashboard.borrowing import borrowed
from ops_dashboard.services import Services
from storage.devices.credentials import claim

CODE: Final = r"^[A-Z2-7]{24}$"
"""Of `eduops device claim-code`: 120 bits, so that nobody finds one by trying."""
ANSWER_S: Final = 10.0


class ClaimRequest(BaseModel):
    """What a device or its installer asks with."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    code: Annotated[str, StringConstraints(pattern=CODE)]


def add_provision(router: APIRouter, services: Services) -> None:
    @router.post("/api/provision", status_code=201, responses={404: {}, 409: {}})
    async def provision(asked: ClaimRequest) -> Response:
        """Return the user, the secret and the topics of a code's device; the code is used up."""
        secret = write_secret(secrets.token_bytes(SECRET_BYTES))
        async with borrowed(services.archive.pool, ANSWER_S) as conn:  # of the pool: strangers ask here
            try:
                name = await claim(conn, asked.code, secret)
            except ConfigurationError as error:
                raise Refusal(409, "device_has_credential") from error
        if name is None:
            raise Refusal(404, "claim_unknown")
        on_record(subject=str(name))
        answer = {"user": str(name), "secret": secret, "topic": name.topics(services.fleet.province)}
        return json_answer(answer, 201)
