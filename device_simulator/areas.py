"""The areas that ship with the product: the only reader of `config/areas.csv` in the simulator."""

from functools import cache
from importlib.resources import files

from config.fleet_csv import Areas, parse_areas


@cache
def load_areas() -> Areas:
    """Return the wards and clusters of the installed `config/areas.csv`.

    Raises:
        ConfigurationError: the file was edited into something that is not a list of areas.
    """
    return parse_areas(files("config").joinpath("areas.csv").read_text(encoding="utf-8"))
