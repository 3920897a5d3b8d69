"""Users, tokens and screens as the command line shows them."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from contract.access.area import write_area
from contract.access.audit import AuditEntry
from contract.access.user import User, written_out
from storage.people.credentials import AccessCredential


def render_users(users: Sequence[User], sessions: Sequence[AccessCredential], *, as_json: bool) -> str:
    """Return the users as lines, or as JSON."""
    count = Counter(one.name for one in sessions)
    if as_json:
        rows = [msgspec.to_builtins(user) | {"sessions": count[user.name]} for user in users]
        return json.dumps(rows, ensure_ascii=False, indent=1)
    if not users:
        return "nobody may sign in yet: `eduops user add NAME --role administrator`"
    return "\n".join(
        f"{user.name:<24} {user.role.value:<14} {write_area(user.area):<20} "
        f"{_sessions(count[user.name])}, {_signed_in(user.signed_in_at_us)}"
        + (", city's account" if user.subject else "" if user.has_password else ", no password yet")
        + (", DISABLED" if user.disabled else "")
        for user in users
    )


def render_credentials(found: Sequence[AccessCredential], nothing: str, *, as_json: bool) -> str:
    """Return tokens or screens as lines, or as JSON; `nothing` is said where there are none."""
    if as_json:
        return json.dumps([one._asdict() for one in found], ensure_ascii=False, indent=1)
    return "\n".join(
        f"{one.name:<24} {one.grade:<10} {one.area:<20} by {one.created_by}, "
        f"last seen {_at(one.seen_at_us)}, until {_at(one.ends_at_us)}"
        for one in found
    ) or nothing  # fmt: skip


def render_audit(entries: Sequence[AuditEntry]) -> str:
    """Return entries of the record as lines."""
    return "\n".join(
        written_out(
            f"{one.seq:>7} {_at(one.at_us)} {one.actor} ({one.grade}, {one.address or '-'}) {one.action} "
            f"{one.subject} {one.result} {one.detail}"
        ).rstrip()
        for one in entries
    ) or "there is no entry"  # fmt: skip


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"


def _signed_in(at_us: int | None) -> str:
    return "never signed in" if at_us is None else f"last signed in {_at(at_us)}"


def _at(at_us: int | None) -> str:
    return "never" if at_us is None else f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%MZ}"
