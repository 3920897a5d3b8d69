"""A paho client whose socket is watched by an asyncio loop: one thread drives any number of them."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bus.broker_trust import BrokerTrust
from bus.mqtt_frames import (
    KIND_MASK,
    PUBACK,
    PUBLISH,
    Frame,
    FrameCutter,
    MalformedPacketError,
    Publication,
    parse_publication,
    puback_packets,
)

_logger: Final = logging.getLogger(__name__)

Address = tuple[str, int]
"""Host and port of a broker, or of one node of it."""

READ_BYTES: Final = 65_536
"""Read before other sockets have their turn: some 20 packs of 50 readings."""


class NotLetInError(ConnectionRefusedError):
    """The broker was reached and does not let this client in (MQTT 3.1.1, section 3.2.2.3)."""


class LoopClient(Client):
    """An MQTT 3.1.1 client that belongs to the loop, and so to the thread, on which it was made.

    Unlike paho's own connect, `dial` does not block: thousands may dial at the same time. What comes
    is read a burst at a time; paho itself sees all packets but the messages.

    That needs eight of paho's private names, so its version is pinned exactly and
    `tests/unit/test_pinned_internals.py` names them; docs/decisions/0019 says what it buys.
    """

    def __init__(
        self, client_id: str, *, clean_session: bool, keepalive_s: int, trust: BrokerTrust | None = None
    ) -> None:
        """Take what the broker is told of the client.

        Args:
            client_id: Its own.
            clean_session: Whether the broker forgets it when it goes.
            keepalive_s: A silent client is thought dead by the broker after 1.5 times this.
            trust: Whose certificate counts as the broker's; None speaks in clear.
        """
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=clean_session,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._own_loop = asyncio.get_running_loop()
        self._keepalive_s = keepalive_s
        self._trust = trust
        self._dialled: socket.socket | None = None
        self._connected: asyncio.Future[bool] | None = None
        self._closed: asyncio.Future[str] | None = None
        self._cutter = FrameCutter()
        self.on_socket_open = self._watch
        self.on_socket_close = self._unwatch
        self.on_socket_register_write = self._watch_writes
        self.on_socket_unregister_write = self._unwatch_writes
        self.on_connect = self._on_connected
        self.on_disconnect = self._on_disconnected

    async def dial(self, host: str, port: int, timeout_s: float) -> bool:
        """Connect and return whether the broker still has this client's session.

        Raises:
            OSError: the broker is out of reach, refuses, or does not answer within `timeout_s`; the
                message says which.
        """
        try:
            async with asyncio.timeout(timeout_s):
                self._dialled = await _open_socket(self._own_loop, host, port, self._trust)
                self._connected = self._own_loop.create_future()
                self._closed = self._own_loop.create_future()
                self._cutter = FrameCutter()
                self.connect_async(host, port, self._keepalive_s)
                self.reconnect()
                return await self._connected
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {timeout_s:g} s") from error
        finally:
            connected, self._connected = self._connected, None
            if connected is not None and not _succeeded(connected):
                self.cut()

    async def closed(self) -> str:
        """Wait until the connection is gone and return why."""
        return "never connected" if self._closed is None else await self._closed

    def cut(self) -> None:
        """Close the socket without a DISCONNECT: the broker then publishes the last will."""
        self._close("cut")

    def forget_sent(self) -> None:
        """Forget the messages of which paho still awaits an acknowledgement: it would send them again."""
        self._out_messages.clear()
        self._inflight_messages = 0

    def keep_alive(self) -> None:
        """Send a ping if one is due, and close if the broker has not answered the last."""
        self.loop_misc()

    def received(self, messages: Sequence[Publication]) -> None:
        """Take the messages of one burst; each is acknowledged only by `acknowledge_mids`."""

    def acknowledge_mids(self, mids: list[int]) -> None:
        """Send the acknowledgements of messages of QoS 1, all in one write."""
        if mids and self.socket() is not None:
            self._packet_queue(PUBACK, puback_packets(mids), mids[-1], 1)

    def flush(self) -> None:
        """Write what waits, now rather than at the loop's next turn."""
        if self.want_write():
            self.loop_write()

    def _create_socket(self) -> socket.socket:
        # paho would connect here, blocking; `dial` has done so already
        sock, self._dialled = self._dialled, None
        if sock is None:
            raise ConnectionError("not dialled")
        return sock

    def _watch(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._own_loop.add_reader(sock.fileno(), self._on_readable)

    def _unwatch(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._own_loop.remove_reader(sock.fileno())
        self._own_loop.remove_writer(sock.fileno())

    def _watch_writes(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._own_loop.add_writer(sock.fileno(), self.loop_write)

    def _unwatch_writes(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._own_loop.remove_writer(sock.fileno())

    def _on_readable(self) -> None:
        sock = self.socket()
        assert sock is not None  # it is watched as long as it is paho's
        try:
            data = sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):  # of TLS too little for a record has come
            return
        except OSError as error:
            _logger.debug("event=mqtt_connection_broken: %s", error)
            self._close(f"the connection broke: {error}")
            return
        if not data:
            self._close("the broker closed the connection")
            return
        self._last_bytes_received = time.monotonic()
        try:
            self._take(self._cutter.feed(data))
        except (MalformedPacketError, MalformedPacket) as error:
            _logger.debug("event=mqtt_malformed: %s", error)
            self._close(f"the broker sent what is no MQTT: {error}")

    def _take(self, frames: list[Frame]) -> None:
        """Hand over the messages, and the packets between them to paho, each in its place."""
        messages: list[Publication] = []
        for frame in frames:
            if frame.first & KIND_MASK == PUBLISH:
                messages.append(parse_publication(frame))
                continue
            self._hand_over(messages)
            self._handle(frame)
            if self.socket() is None:  # closed by what it meant
                return
        self._hand_over(messages)

    def _hand_over(self, messages: list[Publication]) -> None:
        if messages:
            self.received(tuple(messages))
            messages.clear()

    def _handle(self, frame: Frame) -> None:
        """Let paho handle a packet as if it had read it itself."""
        self._in_packet["command"] = frame.first
        self._in_packet["packet"] = bytearray(frame.body)
        self._in_packet["remaining_length"] = len(frame.body)
        result = self._packet_handle()
        if result > 0:
            self._close(error_string(result))

    def _on_connected(
        self, _client: Client, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        if self._connected is None or self._connected.done():
            return
        if reason.is_failure:
            self._connected.set_exception(NotLetInError(f"the broker refuses: {reason}"))
        else:
            self._connected.set_result(flags.session_present)

    def _on_disconnected(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _: Properties | None,
    ) -> None:
        self._note_closed(str(reason))

    def _close(self, reason: str) -> None:
        self._sock_close()
        self._note_closed(reason)

    def _note_closed(self, reason: str) -> None:
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(ConnectionResetError(f"closed before it stood: {reason}"))
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(reason)


def _succeeded(future: "asyncio.Future[bool]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


async def _open_socket(
    loop: asyncio.AbstractEventLoop, host: str, port: int, trust: BrokerTrust | None
) -> socket.socket:
    """Return a connected, non-blocking socket, after its TLS handshake where there is whom to trust.

    Raises:
        OSError: no address of the host accepts, or none shows a certificate that counts.
    """
    failure: OSError = ConnectionError(f"{host} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
            return sock if trust is None else await trust.secure(sock, host)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure
