"""The operator's routes while a service runs: a changed file is taken up, one with a mistake is not."""

import logging
import os
from pathlib import Path
from typing import Final

from config.files import read_config
from contract.errors import ConfigurationError
from contract.routing.route import Routing
from contract.routing.routes_file import parse_routes

_logger: Final = logging.getLogger(__name__)
_NAME: Final = "routes.toml"


class RoutingFile:
    """The routes in force; made by `follow_routing`."""

    def __init__(self, own: Path | None, routing: Routing) -> None:
        self._own = own
        self._routing = routing
        self._seen = self._look()
        self.refusal = ""
        """What is wrong with the file as it is now; empty while its routes are those in force."""

    def current(self) -> Routing:
        """Return the newest routes that are right; looks whether the file was changed."""
        seen = self._look()
        if seen == self._seen:
            return self._routing
        self._seen = seen
        try:
            self._routing = parse_routes(read_config(self._own, _NAME))
        except ConfigurationError as error:
            self.refusal = str(error)
            _logger.error("event=routes_refused file=%s: those before stay in force: %s", self._path, error)
        else:
            self.refusal = ""
            _logger.info("event=routes_changed file=%s: other routes are in force", self._path)
        return self._routing

    @property
    def _path(self) -> Path:
        return Path(_NAME) if self._own is None else self._own / _NAME

    def _look(self) -> tuple[int, int, int] | None:
        """Return what tells one content of the file from another; None while there is none."""
        if self._own is None:
            return None
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def follow_routing(own: Path | None) -> RoutingFile:
    """Return the routes of the folder `own`, of the packaged file where it has none; `current` follows it.

    Raises:
        ConfigurationError: they are wrong already.
    """
    return RoutingFile(own, parse_routes(read_config(own, _NAME)))
