"""`eduops ready`: whether a service on this machine serves, for whoever restarts or routes by it."""

from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from contract.errors import InfrastructureError
from eduops.data_folder import DataFolder
from eduops.exporter import metrics_ports
from eduops.settings import Settings

ANSWER_S: Final = 3.0
"""`/metrics` answers within milliseconds from a thread of its own; only a frozen process does not."""


def check_ready(settings: Settings, name: str) -> str:
    """Return the sentence for a process that lives here and has said that it serves.

    Its `/metrics` tells that it lives, its mark in the data folder that it got all that it needs.

    Raises:
        InfrastructureError: it does not serve.
    """
    folder = DataFolder(settings.data)
    if not folder.is_ready(name):
        raise InfrastructureError(f"{name} has not said yet that it serves")
    port = metrics_ports(folder).get(name)
    if port is None:
        raise InfrastructureError(f"{name} does not run on {folder.path}")
    try:
        # no proxy of the environment stands between us and ourselves
        build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/metrics", timeout=ANSWER_S).close()
    except (URLError, OSError) as error:
        raise InfrastructureError(f"{name} does not answer on port {port}: {error}") from error
    return f"{name} serves"
