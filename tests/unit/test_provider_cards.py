"""`providers.toml`: whom to call at a provider."""

import pytest

from config.files import load_providers
from contract.errors import ConfigurationError
from contract.routing.provider_card import ProviderCard, parse_providers


def test_a_card_is_found_however_its_provider_is_written() -> None:
    cards = parse_providers('[[provider]]\nname = "VNPT  Sài Gòn"\nphone = "1800 1166"')
    assert cards["vnpt sai gon"] == ProviderCard("VNPT  Sài Gòn", "1800 1166")


def test_none_is_packaged() -> None:
    assert load_providers(None) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[provider]]\nname = " "', "a provider has no name"),
        ('[[provider]]\nname = "FPT"\n[[provider]]\nname = "fpt"', "'fpt' has two cards"),
        ('[[provider]]\nname = "FPT"\nrunbook = "javascript:alert(1)"', "write an address with https://"),
        ('[[provider]]\nname = "FPT"\nfax = "1"', "fax"),
        ("[[provider]]\nname = FPT", "providers.toml: "),
    ],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^providers\.toml: ") as caught:
        parse_providers(text)
    assert says in str(caught.value)
