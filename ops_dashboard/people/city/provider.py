"""The city's own sign-in: a client of its identity provider (OpenID Connect), by Authlib over httpx.

Source: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated and Back-Channel Logout 1.0; RFC 7636 (PKCE),
RFC 9207.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import certifi
import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from contract.access.address import is_safe_address
from contract.access.mapping import Claims
from contract.errors import ConfigurationError
from ops_dashboard.config import OidcConfig
from ops_dashboard.people.city.identity import Identity, IdentityRefusedError, ProviderSilentError
from storage.people.city_accounts import CityLogout

ANSWER_S: Final = 5.0
"""Longest wait for an answer of the provider, seconds: chosen, people wait for it."""
DESCRIBED_S: Final = 10.0
"""So long what the provider says of itself is believed, seconds: nobody is sent to one that is down."""
KEYS_S: Final = 600.0
"""So long its keys are believed, seconds, or until one is unknown: chosen, a stolen one is taken out."""
LEEWAY_S: Final = 60
"""By how much its clock may differ from ours, seconds."""
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
)
"""Signatures that are believed: those that only the provider can make. Source: RFC 7518, RFC 9864."""
LOGGED_OUT: Final = "http://schemas.openid.net/event/backchannel-logout"
"""What a token says by which sessions end. Source: Back-Channel Logout 1.0, section 2.4."""
LOGOUT_S: Final = 300
"""So long such a token is believed, seconds; most providers let it end after two minutes."""
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return whose certificates count.

    Raises:
        ConfigurationError: the file holds no certificate.
    """
    if ca_file is None:
        # The system's own authorities too: a city signs for its own servers.
        found = ssl.create_default_context()
        found.load_verify_locations(certifi.where())
        return found
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"oidc_ca_file {ca_file} cannot be used: {error}") from error


class IdentityProvider:
    """Sends browsers to the provider, and finds out who comes back.

    All that belongs to one visit (state, nonce, PKCE's verifier) is made of one secret that only the
    browser has, so that nothing of it has to be kept.
    """

    def __init__(self, config: OidcConfig) -> None:
        self.issuer = config.issuer
        self._config = config
        self._described: dict[str, Any] = {}
        self._described_at_s = 0.0
        self._keys: KeySet | None = None
        self._keys_at_s = 0.0
        self._trust = _trust(config.ca_file)

    async def address(self, secret: str, back: str, scopes: Sequence[str], acr: str) -> str:
        """Return where a browser signs in that holds `secret` and comes to `back` then.

        Raises:
            ProviderSilentError: the provider does not answer.
        """
        described = await self.describe()
        more = {"acr_values": acr} if acr else {}
        return str(
            prepare_grant_uri(
                described["authorization_endpoint"], self._config.client_id, "code", back,
                ["openid", *scopes], _made_of(secret, "state"), nonce=_made_of(secret, "nonce"),
                code_challenge=create_s256_code_challenge(_made_of(secret, "verifier")),
                code_challenge_method="S256", **more,
            )
        )  # fmt: skip

    def is_expected(self, secret: str, state: str, issuer: str | None) -> bool:
        """Return whether an answer is the provider's, to the visit of the browser that holds `secret`."""
        is_its_own = hmac.compare_digest(_made_of(secret, "state").encode(), state.encode())
        return is_its_own and issuer in (None, self.issuer)

    async def identify(self, secret: str, code: str, back: str, acr: str) -> Identity:
        """Return who came back with a code.

        Raises:
            IdentityRefusedError: the code or the id_token is not right.
            ProviderSilentError: the provider does not answer.
        """
        described = await self.describe()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back,
            "code_verifier": _made_of(secret, "verifier"),
        }  # fmt: skip
        token = await self._token(described, form)
        id_token, access_token = str(token.get("id_token")), str(token.get("access_token"))
        claims = await self.proven_claims(id_token, _made_of(secret, "nonce"), access_token)
        told = await self._told_claims(described.get("userinfo_endpoint"), access_token)
        if told and told.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.4
            raise IdentityRefusedError("userinfo tells of somebody else")
        if acr and claims.get("acr") != acr:
            raise IdentityRefusedError(f"signed in by {claims.get('acr')!a}, not by {acr!r}")
        return Identity(f"{self.issuer} {claims['sub']}", {**told, **claims}, id_token)

    async def proven_claims(self, id_token: str, nonce: str, access_token: str | None = None) -> Claims:
        """Return what an id_token says, if the provider signed it for us, for this visit, and it still holds.

        Raises:
            IdentityRefusedError: it does not.
            ProviderSilentError: its keys cannot be asked for.
        """
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._config.client_id},
        }
        params = {"nonce": nonce, "client_id": self._config.client_id, "access_token": access_token}
        try:
            found = await self._signed(id_token)
            claims = CodeIDToken(found.claims, found.header, wanted, params)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise IdentityRefusedError(f"id_token: {error}") from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:  # Core 1.0, section 2
            raise IdentityRefusedError("id_token: sub is no name")
        return dict(claims)

    async def ended(self, logout_token: str) -> CityLogout:
        """Return whose sessions end by a token in which the provider says that they signed out there.

        Raises:
            IdentityRefusedError: the provider did not sign it for us, a moment ago, to say that.
            ProviderSilentError: its keys cannot be asked for.
        """
        rules = JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._config.client_id}, iat={"essential": True},
        )  # fmt: skip
        try:
            # strangers may send anything: the provider is not asked for its keys each time
            claims = (await self._signed(logout_token, again_s=DESCRIBED_S)).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise IdentityRefusedError(f"logout_token: {error}") from error
        told, sub, sid = claims.get("events"), claims.get("sub"), claims.get("sid")
        if not isinstance(told, dict) or LOGGED_OUT not in told or "nonce" in claims:
            raise IdentityRefusedError("logout_token: it says something else")
        if claims["iat"] < time.time() - LOGOUT_S:
            raise IdentityRefusedError("logout_token: it is old")
        if not (sub or sid) or not all(one is None or isinstance(one, str) for one in (sub, sid)):
            raise IdentityRefusedError("logout_token: it does not say whose session")
        return CityLogout(self.issuer, sub, sid, int((claims["iat"] + LEEWAY_S) * 1_000_000))

    async def _signed(self, token: str, again_s: float = 0.0) -> jwt.Token:
        """Return a token that the provider signed.

        Args:
            token: As it came.
            again_s: Keys that are younger are not asked for anew where they do not fit.

        Raises:
            JoseError: it did not.
            ProviderSilentError: its keys cannot be asked for.
        """
        named = (await self.describe()).get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(algorithms=[a for a in ALGORITHMS if a in named], strict_check_header=False)
        try:
            return jwt.decode(token, await self._key_set(), registry=registry)
        except (InvalidKeyIdError, BadSignatureError):  # it may have other keys since we asked
            if time.monotonic() - self._keys_at_s < again_s:
                raise
            return jwt.decode(token, await self._key_set(anew=True), registry=registry)

    async def leaving_address(self, id_token: str, back: str) -> str | None:
        """Return where a browser signs out at the provider; None where the provider has no such place.

        Raises:
            ProviderSilentError: the provider does not answer.
        """
        place = (await self.describe()).get("end_session_endpoint")
        if not place:
            return None
        values = {
            "id_token_hint": id_token, "post_logout_redirect_uri": back, "client_id": self._config.client_id
        }  # fmt: skip
        return f"{place}{'&' if '?' in place else '?'}{urlencode(values)}"

    async def describe(self) -> Mapping[str, Any]:
        """Return what the provider says of itself, at most a moment ago.

        Raises:
            ProviderSilentError: it does not answer, or not as that provider.
        """
        if not self._described or time.monotonic() - self._described_at_s > DESCRIBED_S:
            found = await self._ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:  # OpenID Connect Discovery 1.0, section 4.3
                raise ProviderSilentError(f"{self.issuer} says that it is {found.get('issuer')!a}")
            for name in _ENDPOINTS:
                if not is_safe_address(str(found.get(name, ""))):
                    raise ProviderSilentError(f"{self.issuer} has no {name} with https://")
            self._described, self._described_at_s = found, time.monotonic()
        return self._described

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew or time.monotonic() - self._keys_at_s > KEYS_S:
            found = await self._ask("GET", (await self.describe())["jwks_uri"])
            self._keys_at_s = time.monotonic()
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # what is none is refused by it
        return self._keys

    async def _token(self, described: Mapping[str, Any], form: dict[str, str]) -> dict[str, Any]:
        """Exchange a code. Source: RFC 6749, sections 2.3.1, 4.1.3 and 5.2."""
        methods = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        ours, secret = self._config.client_id, self._config.client_secret
        login = None
        if secret and "client_secret_basic" in methods:
            login = httpx.BasicAuth(quote_plus(ours), quote_plus(secret))
        else:
            form |= {"client_id": ours} | ({"client_secret": secret} if secret else {})
        return await self._ask("POST", described["token_endpoint"], data=form, auth=login)

    async def _told_claims(self, place: object, access_token: str) -> dict[str, Any]:
        """Return what the provider tells beside the id_token: some put groups only there."""
        if not isinstance(place, str) or not is_safe_address(place):
            return {}
        return await self._ask("GET", place, headers={"Authorization": f"Bearer {access_token}"})

    async def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """Return the JSON object that the provider answers with."""
        # Whole answers too: a timeout of httpx begins anew with every byte.
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                httpx.AsyncClient(verify=self._trust, trust_env=False) as client,
            ):
                answer = await client.request(method, address, **more)
            found = answer.json()
        except (httpx.HTTPError, ValueError, TimeoutError) as error:
            self._described = {}  # whoever comes next asks whether it is there at all
            raise ProviderSilentError(f"{address}: {error or type(error).__name__}") from error
        if 400 <= answer.status_code < 500 and isinstance(found, dict) and "error" in found:
            raise IdentityRefusedError(f"{address}: {found['error']!a}")
        if not answer.is_success or not isinstance(found, dict):
            raise ProviderSilentError(f"{address} answered {answer.status_code}, which is no answer of it")
        return found


def _made_of(secret: str, what: str) -> str:
    """Return a value that belongs to a visit: 256 bits that only its secret gives."""
    made = hmac.digest(secret.encode(), f"eduops oidc {what}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
