"""What the broker asks when a client connects, and what it is answered."""

from typing import NamedTuple


class ConnectRequest(NamedTuple):
    """A client that wants to come in."""

    user: str
    secret: str
    client_id: str
    """Of MQTT; "" for another protocol."""
    address: str
    """Host from which it comes, as the broker sees it."""
    is_mqtt: bool = True


class DeviceRights(NamedTuple):
    """What a client that is let in may do."""

    publish: tuple[str, ...]
    """Subjects on which it may publish; it may subscribe to none."""
    until_s: int | None = None
    """When the broker ends the connection, real time, s since 1970; None for not by itself: it would publish
    the last will of a device that is well."""


class BrokerLine(NamedTuple):
    """A connection of an MQTT client, and what the broker took in by it."""

    server: str
    """Id of the server that has it."""
    number: int
    """Its number there."""
    client_id: str
    started_us: int
    """Real time, µs since 1970."""
    messages: int
    carried_bytes: int
