"""What the authoriser knows: every credential in memory, and how devices were seen since the last note."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from contract.devices.connecting import BrokerLine, ConnectRequest, DeviceRights
from contract.devices.credential import Credential, parse_device_name
from ingest.acceptance.verdict import ConnectDenial, judge
from ingest.authoriser.shares import Shares
from storage.devices.credentials import CredentialChange
from storage.devices.sightings import Sighting

TWICE_TAKEOVERS: Final = 3
"""One may be a line that broke unnoticed; two devices of one name take it from each other for ever."""
TWICE_WITHIN_US: Final = 600_000_000
NEW_US: Final = 60_000_000


class Book:
    """Judges clients; used from one thread."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._held: dict[str, Credential] = {}
        self._province = ""
        self._seen: dict[str, Sighting] = {}
        self._takeovers: dict[str, deque[int]] = {}
        self._ends_us: dict[str, int] = {}
        """When a former secret ends, by name."""

    def __len__(self) -> int:
        return len(self._held)

    def take(self, change: CredentialChange) -> set[str]:
        """Take up a change; return the names of which a standing connection may be too much now."""
        before = self._held
        given = {str(credential.name): credential for credential in change.credentials}
        self._held = given if change.is_all else {**before, **given}
        self._province = change.province
        for name, credential in given.items():
            if credential.former_until_us:
                self._ends_us[name] = credential.former_until_us
        return {name for name, new in given.items() if before.get(name) not in (None, new)}

    def is_unwanted(self, client_id: str, started_us: int, now_us: int) -> bool:
        """Return whether a connection may not stay; ingest's own sessions are no devices."""
        held = self._held.get(client_id)
        if held is None:
            # issued a moment ago, it may have come in by another authoriser that knew it sooner
            is_new = started_us > now_us - NEW_US
            return parse_device_name(client_id) is not None and not is_new
        return self._shares.is_held_off(client_id, now_us) or not held.lets_stay(started_us, now_us)

    def look(self, standing: Iterable[BrokerLine], asked_us: int) -> set[str]:
        """Take up what the broker's connections have carried; return the devices that are over their share.

        It is noted of them, whether or not they come again.
        """
        over = self._shares.look((one for one in standing if one.client_id in self._held), asked_us)
        for name in over:
            seen = self._seen.get(name) or Sighting(name)
            self._seen[name] = seen._replace(
                refused_us=asked_us, refused_for=ConnectDenial.OVER_SHARE.value, refusals=seen.refusals + 1
            )
        return over

    def ended_line(self, gone: BrokerLine, now_us: int) -> None:
        """Take up what a connection carried until its end."""
        if gone.client_id in self._held:
            self._shares.ended(gone, now_us)

    def ended(self, now_us: int) -> set[str]:
        """Return the names whose former secret has come to its end since the last call."""
        over = {name for name, end_us in self._ends_us.items() if end_us <= now_us}
        for name in over:
            del self._ends_us[name]
        return over

    def judge(self, request: ConnectRequest, now_us: int) -> DeviceRights | ConnectDenial:
        """Say what a client may do; see `verdict.judge`. Who has used up its share has to wait."""
        if not request.is_mqtt or parse_device_name(request.user) is None:
            return ConnectDenial.NO_DEVICE
        found = judge(request, self._held.get(request.user), self._province, now_us)
        is_in = isinstance(found, DeviceRights)
        if is_in and self._shares.is_held_off(request.client_id, now_us):
            return ConnectDenial.OVER_SHARE
        return found

    def note(self, request: ConnectRequest, found: DeviceRights | ConnectDenial, now_us: int) -> None:
        """Note that a device was seen, and what it was told."""
        if found is ConnectDenial.NO_DEVICE or request.user not in self._held:
            return
        seen = self._seen.get(request.user) or Sighting(request.user)
        if isinstance(found, ConnectDenial):
            if self._shares.is_held_off(request.user, now_us):  # a guess hides nothing
                found = ConnectDenial.OVER_SHARE
            seen = seen._replace(refused_us=now_us, refused_for=found.value, refusals=seen.refusals + 1)
        else:
            seen = seen._replace(connected_us=now_us, address=request.address)
        self._seen[request.user] = seen

    def is_twice(self, client_id: str, now_us: int) -> bool:
        """Note that a connection took its name from another; return whether two devices seem to have it.

        True once within `TWICE_WITHIN_US`, not for each further time.
        """
        if client_id not in self._held:
            return False
        times = self._takeovers.setdefault(client_id, deque(maxlen=TWICE_TAKEOVERS))
        times.append(now_us)
        if len(times) < TWICE_TAKEOVERS or times[0] < now_us - TWICE_WITHIN_US:
            return False
        times.clear()
        seen = self._seen.get(client_id) or Sighting(client_id)
        self._seen[client_id] = seen._replace(twice_us=now_us)
        return True

    def sightings(self) -> list[Sighting]:
        """Return what was seen since the last call."""
        seen, self._seen = self._seen, {}
        return list(seen.values())

    def put_back(self, sightings: list[Sighting]) -> None:
        """Keep sightings that could not be noted; what was seen since then counts more."""
        for old in sightings:
            new = self._seen.get(old.name)
            self._seen[old.name] = old if new is None else _merged(old, new)


def _merged(old: Sighting, new: Sighting) -> Sighting:
    later = {name: value for name, value in new._asdict().items() if value}
    return old._replace(**{**later, "refusals": old.refusals + new.refusals})
