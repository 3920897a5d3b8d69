"""The second factor: a secret that a person's app shares with us, and codes for the day it is lost.

The secret is kept as it is, for codes are computed from it; a backup of the database has it too.
"""

import base64
import secrets
from typing import Any, Final

from psycopg import AsyncConnection

from storage.people.credentials import hash_of
from storage.queries import query, value_of

RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
"""120 random bits, 24 letters: cannot be guessed even by who has the table of their hashes, and can be typed.

Source: OWASP ASVS 5.0, 6.5.2 (112 bits, or a slow hash)."""


async def code_secret(conn: AsyncConnection[Any], name: str) -> str | None:
    """Return the secret of a user's app, base32; None without one."""
    found: str | None = await value_of(conn, "code_secret", name=name)
    return found


async def set_up(conn: AsyncConnection[Any], name: str, secret: str) -> list[str]:
    """Keep a new secret, and return new recovery codes; earlier ones are worth nothing any more."""
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)
    ]
    async with conn.transaction():
        await conn.execute(query("save_code_secret"), {"name": name, "secret": secret})
        await conn.execute(query("forget_recovery_codes"), {"name": name})
        hashes = [hash_of(code) for code in codes]
        await conn.execute(query("add_recovery_codes"), {"name": name, "hashes": hashes})
    return codes


async def drop(conn: AsyncConnection[Any], name: str) -> None:
    """Forget a user's second factor."""
    async with conn.transaction():
        await conn.execute(query("save_code_secret"), {"name": name, "secret": None})
        await conn.execute(query("forget_recovery_codes"), {"name": name})


async def take_step(conn: AsyncConnection[Any], name: str, step: int) -> bool:
    """Take the code of a time step, once; return whether it, or a later one, was not taken before."""
    cursor = await conn.execute(query("take_code_step"), {"name": name, "step": step})
    return cursor.rowcount == 1


async def take_recovery_code(conn: AsyncConnection[Any], name: str, code: str) -> bool:
    """Use a recovery code up; return whether it was one."""
    cursor = await conn.execute(query("take_recovery_code"), {"name": name, "code_hash": hash_of(code)})
    return cursor.rowcount == 1
