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
        ('[[provider]]\nname = ""', "line 2: provider '': a provider has no name"),
        ('[[provider]]\nname = " FPT"', "line 2: provider ' FPT': `name` has spaces around it"),
        (
            '[[provider]]\nname = "FPT"\n[[provider]]\nname = "fpt"',
            "line 4: provider 'fpt': it has two cards",
        ),
        (
            '[[provider]]\nname = "FPT"\nrunbook = "javascript:alert(1)"',
            "line 3: provider 'FPT': `runbook` is",
        ),
        ('[[provider]]\nname = "FPT"\nphone = "1\\n2"', "line 3: provider 'FPT': `phone` has a control"),
        ('[[provider]]\nname = "FPT"\nfax = "1"', "line 3: provider 'FPT': Object contains unknown field"),
        ('[[provider]]\nname = "FPT"\nphone = 1800', "line 3: provider 'FPT': Expected `str`, got `int`"),
        ("[[provider]]\nname = FPT", "line 2, column 8: this is no TOML"),
    ],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^providers\.toml") as caught:
        parse_providers(text)
    assert says in str(caught.value)
