"""A real OpenID Connect provider on loopback, and a browser that signs in there."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx
import pytest

from ops_dashboard.config import OidcConfig
from tests.node_packages import installed

SCRIPT: Final = Path(__file__).parent / "oidc" / "provider.mjs"
CLIENT: Final = "eduops"
SECRET: Final = "a secret:of the+client"
NODE: Final = 20
"""The oldest on which the provider is known to run."""


class TestProvider:
    """The provider's process, and what it is told between two sign-ins."""

    __test__ = False

    def __init__(self, process: "subprocess.Popen[str]", issuer: str) -> None:
        self._process = process
        self.issuer = issuer
        self.config = OidcConfig(issuer, CLIENT, SECRET)

    def tell(self, **said: Any) -> dict[str, Any]:
        """Tell it something, as `provider.mjs` has it, and return its answer once it is so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def running_provider(config: pytest.Config) -> Iterator[TestProvider]:
    """Run it for the length of the block; tests are skipped where there is no Node."""
    folder = installed(config, "identity_provider", SCRIPT)
    with subprocess.Popen(
        ["node", SCRIPT.name], cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        if not issuer:
            version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
            if int(version.lstrip("v").split(".")[0]) < NODE:
                pytest.skip(f"oidc-provider wants Node {NODE} or later; this is {version.strip()}")
            pytest.fail("the identity provider did not start")
        try:
            yield TestProvider(process, issuer)
        finally:
            process.kill()


async def there(browser: httpx.AsyncClient, address: str, login: str) -> str:
    """Sign in at the provider as whoever `login` is, and return the address to which it sends back."""
    answer = await browser.get(address)
    while True:
        while answer.is_redirect:
            to = urljoin(str(answer.url), answer.headers["Location"])
            if "/sign-in/oidc/back?" in to:
                return to
            answer = await browser.get(to)
        assert answer.status_code == 200, answer.text
        (action,) = re.findall(r'<form autocomplete="off" action="([^"]+)"', answer.text)
        (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.text)
        fields = {"prompt": prompt, "login": login, "password": "any"}
        answer = await browser.post(urljoin(str(answer.url), action), data=fields)
