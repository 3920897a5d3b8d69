"""The operator's mapping of the city's people while a service runs."""

import logging
from pathlib import Path
from typing import Final

from config.files import load_sign_in
from contract.access.mapping import FILE, SignInFile
from contract.errors import ConfigurationError

_logger: Final = logging.getLogger(__name__)


class FollowedSignIn:
    """The mapping in force: a changed file is taken up, one with a mistake is not."""

    def __init__(self, own: Path | None) -> None:
        """Read it from the folder `own`, or the packaged one where it has none.

        Raises:
            ConfigurationError: it is wrong already.
        """
        self._own = own
        self._right = load_sign_in(own)

    def current(self) -> SignInFile:
        """Return the newest one that is right; people sign in seldom enough to read it each time."""
        try:
            self._right = load_sign_in(self._own)
        except ConfigurationError as error:
            _logger.error(
                "event=sign_in_file_refused file=%s: the one before stays in force: %s", FILE, error
            )
        return self._right
