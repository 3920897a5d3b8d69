"""The files of `config/`: the operator's own where there are any, the packaged ones otherwise."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from contract.access.mapping import FILE as SIGN_IN_FILE
from contract.access.mapping import SignInFile, parse_sign_in
from contract.calendar import SchoolCalendar, parse_calendar
from contract.catalogue import Catalogue, parse_catalogue
from contract.errors import ConfigurationError
from contract.figures.plan import CityPlan, parse_plan
from contract.figures.targets import FILE as TARGETS_FILE
from contract.figures.targets import Targets, parse_targets
from contract.routing.provider_card import FILE as PROVIDERS_FILE
from contract.routing.provider_card import ProviderCards, parse_providers
from contract.routing.route import Routing
from contract.routing.routes_file import parse_routes
from contract.rule import Rule, parse_rules
from contract.texts import Texts, parse_texts

EDITABLE: Final = (
    *("metrics.toml", "rules.toml", "calendar.toml", "areas.csv", "routes.toml", "targets.toml"),
    *("sign_in.toml", "providers.toml", "boundaries.geojson"),
)
"""Files that may be replaced by one of the same name in the data folder's `config/`."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the services know of metrics, school days, rules and whom to tell."""

    catalogue: Catalogue
    calendar: SchoolCalendar
    rules: tuple[Rule, ...]
    routing: Routing
    targets: Targets
    plan: CityPlan
    sign_in: SignInFile
    providers: ProviderCards


def load_configuration(own: Path | None) -> Configuration:
    """Return the configuration, each file from the folder `own` if it is there; None for the packaged ones.

    Raises:
        ConfigurationError: a file is wrong, or `own` has a file that nothing reads.
    """
    if own is not None and own.is_dir():
        unknown = sorted(p.name for p in own.iterdir() if p.name not in EDITABLE)
        if unknown:
            raise ConfigurationError(
                f"{own} has {', '.join(unknown)}; only {', '.join(EDITABLE)} are read there"
            )
    catalogue = parse_catalogue(read_config(own, "metrics.toml"))
    return Configuration(
        catalogue,
        parse_calendar(read_config(own, "calendar.toml")),
        parse_rules(read_config(own, "rules.toml"), catalogue),
        parse_routes(read_config(own, "routes.toml")),
        load_targets(own),
        load_plan(own),
        load_sign_in(own),
        load_providers(own),
    )


def load_targets(own: Path | None) -> Targets:
    """Return what the figures should be.

    Raises:
        ConfigurationError: the file is wrong.
    """
    return parse_targets(read_config(own, TARGETS_FILE))


def load_plan(own: Path | None) -> CityPlan:
    """Return what leadership's figures shall reach, from the same file.

    Raises:
        ConfigurationError: the file is wrong.
    """
    return parse_plan(read_config(own, TARGETS_FILE))


def load_sign_in(own: Path | None) -> SignInFile:
    """Return who is what here, by what the city's sign-in says of them.

    Raises:
        ConfigurationError: the file is wrong.
    """
    return parse_sign_in(read_config(own, SIGN_IN_FILE))


def load_providers(own: Path | None) -> ProviderCards:
    """Return whom to call at each provider.

    Raises:
        ConfigurationError: the file is wrong.
    """
    return parse_providers(read_config(own, PROVIDERS_FILE))


def read_config(own: Path | None, name: str) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigurationError: the operator's own cannot be read, or is not UTF-8.
    """
    path = None if own is None else own / name
    if path is not None and path.exists():
        return read_edited(path)
    return (files("config") / name).read_text(encoding="utf-8")


def read_edited(path: Path) -> str:
    """Return the text of a file that a person writes; Windows' editor puts a byte order mark before it.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def read_rules(path: Path, catalogue: Catalogue) -> tuple[tuple[Rule, ...], str]:
    """Return the rules of a file, and its text.

    Raises:
        ConfigurationError: it cannot be read, or its rules are wrong; the message names the file.
    """
    text = read_edited(path)
    try:
        return parse_rules(text, catalogue), text
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


@cache
def shipped_texts() -> Texts:
    """Return the catalogue of texts that comes with the program, `config/texts.toml`."""
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))
