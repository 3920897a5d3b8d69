"""The loads that `eduops bench` measures: who publishes how much."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from contract.errors import ConfigurationError

CADENCE_S: Final = 10.0
"""A gateway sends a pack every ten seconds."""


class Load(NamedTuple):
    """Who publishes how much."""

    schools: int
    readings: int
    """Readings in a pack."""
    packs_per_s: float

    @property
    def readings_per_s(self) -> float:
        """Readings that the load brings in a second."""
        return self.packs_per_s * self.readings


LOADS: Final[Mapping[str, Load]] = {
    "city": Load(schools=3_541, readings=4, packs_per_s=3_541 / CADENCE_S),
    "10x": Load(schools=3_541, readings=4, packs_per_s=10 * 3_541 / CADENCE_S),
    "nation": Load(schools=43_000, readings=50, packs_per_s=43_000 / CADENCE_S),
}
"""A city whose gateways send 4 readings; ten of it on one city's gateways; and the nation, whose gateways
send 50 readings a pack, 215,000 readings a second in all."""


def load_named(name: str) -> Load:
    """Return a load by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in LOADS:
        raise ConfigurationError(f"no load is called {name!r}; there are {', '.join(LOADS)}")
    return LOADS[name]
