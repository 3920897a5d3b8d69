"""What we use of the inside of pinned libraries is there, with the signatures that we rely on.

A newer version is taken by changing the pin in pyproject.toml and making this file pass.
"""

import inspect
import tomllib
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path

import pytest
from dash import Dash
from dash.backends import _fastapi as backend
from fastapi import Request
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from bus.mqtt_client import LoopClient
from bus.mqtt_frames import FrameCutter
from ops_dashboard.address import Address
from ops_dashboard.frame import QuietBackend

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("package", ["paho-mqtt", "dash"])
def test_the_version_is_pinned_exactly(package: str) -> None:
    assert f"{package}=={version(package)}" in PROJECT["dependencies"]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("_create_socket", ["self"]),
        ("_sock_close", ["self"]),
        ("_packet_handle", ["self"]),
        ("_packet_queue", ["self", "command", "packet", "mid", "qos", "info"]),
    ],
)
def test_paho_has_the_methods(method: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(Client, method)).parameters) == parameters


def test_paho_has_the_attributes() -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    assert {"command", "packet", "remaining_length"} <= client._in_packet.keys()
    assert isinstance(client._out_messages, OrderedDict)
    assert client._inflight_messages == 0
    assert client._last_bytes_received > 0


def test_paho_handles_a_packet_that_it_has_not_read_itself() -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    seen: list[int] = []
    client.on_subscribe = lambda _client, _data, mid, *_: seen.append(mid)
    (suback,) = FrameCutter().feed(b"\x90\x03\x01\x02\x01")
    client._in_packet["command"] = suback.first
    client._in_packet["packet"] = bytearray(suback.body)
    client._in_packet["remaining_length"] = len(suback.body)
    assert client._packet_handle() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert seen == [0x0102]


async def test_nothing_of_ours_hides_a_name_of_pahos_but_the_one_that_it_should() -> None:
    client = LoopClient("c", clean_session=True, keepalive_s=60)
    of_paho = {*vars(Client), *vars(Client(CallbackAPIVersion.VERSION2))} - {*vars(object), "__module__"}
    own_values = vars(client).keys() - vars(Client(CallbackAPIVersion.VERSION2)).keys()
    own = {name for name in {*vars(LoopClient), *own_values} if not name.startswith("__")}
    assert own & of_paho == {"_create_socket"}


def test_dash_has_the_catch_all_that_is_left_out() -> None:
    assert issubclass(QuietBackend, backend.FastAPIDashServer)
    assert list(inspect.signature(backend.FastAPIDashServer._setup_catchall).parameters) == ["self"]
    assert backend.FastAPIDashServer.websocket_capability is True


def test_dash_makes_its_document_within_a_request_that_it_is_given() -> None:
    request = Request({"type": "http", "headers": []})
    held = backend.set_current_request(request)  # type: ignore[no-untyped-call]
    assert backend.get_current_request() is request
    backend.reset_current_request(held)  # type: ignore[no-untyped-call]
    assert {"css", "app_entry", "config", "scripts", "renderer"} <= {
        *inspect.signature(Dash.interpolate_index).parameters
    }


def test_a_component_of_our_own_is_one_of_dash() -> None:
    assert Address("a").to_plotly_json() == {  # type: ignore[no-untyped-call]
        "props": {"id": "a"},
        "type": "Address",
        "namespace": "eduops",
    }
