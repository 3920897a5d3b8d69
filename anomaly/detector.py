"""What every detector offers, and the registry that finds one by name.

A detector looks at *cells*: one cell is one baseline of one series (a series has a baseline for
school hours and one for the rest of a school day). Its whole memory is a mapping of named
columns with one element a cell, so that a snapshot can hold it without knowing it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly.combined import Combined
from anomaly.ew import ExponentiallyWeighted
from anomaly.judgement import Judgement, Outlook
from anomaly.moments import Moments
from anomaly.records import Records
from anomaly.seasonal import Seasonal
from contract.errors import ConfigurationError

Columns = dict[str, NDArray[Any]]


class Detector(Protocol):
    """Judges readings against their own past: first `judge`, then `learn`."""

    @property
    def name(self) -> str:
        """Name in the registry and in snapshots."""
        ...

    def empty(self, cells: int) -> Columns:
        """Return the memory of `cells` cells that have seen nothing."""
        ...

    def judge(
        self, columns: Mapping[str, NDArray[Any]], at: Moments, value: NDArray[np.float64]
    ) -> Judgement:
        """Return how each value compares with its cell's past; changes nothing."""
        ...

    def learn(
        self,
        columns: Columns,
        at: Moments,
        value: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> None:
        """Take the readings into memory, each with `share` in [0, 1] of its usual weight.

        A share below 1 says that the reading may belong to a fault.

        Writes into `columns`, which the caller owns; no cell occurs twice in a call.
        """
        ...

    def forget(self, columns: Columns, cell: NDArray[np.intp]) -> None:
        """Let the past of some cells weigh no more than what makes a cell mature: it is soon outlived.

        Twice is the same as once. Writes into `columns`, which the caller owns.
        """
        ...

    def outlook(self, columns: Mapping[str, NDArray[Any]]) -> Outlook:
        """Return what every cell expects of its next reading, whenever it comes; changes nothing."""
        ...


class Registered(NamedTuple):
    """A detector and where it was published."""

    detector: Detector
    source: str


DETECTORS: Mapping[str, Registered] = {
    "ew": Registered(
        ExponentiallyWeighted(), "Roberts 1959, Technometrics 1(3); Hunter 1986, J. Qual. Tech. 18(4)"
    ),
    "seasonal": Registered(Seasonal(), "Holt 1957; Winters 1960, by slots of the school's day"),
    "records": Registered(Records(), "Chandler 1952, J. Roy. Stat. Soc. B 14(2); Roberts 1959"),
    "combined": Registered(Combined(), "Brown 1975, Biometrics 31(4); Chandler 1952; Roberts 1959"),
}
"""Every detector that the fold may use, by name."""


def detector_named(name: str) -> Detector:
    """Return the detector of that name.

    Raises:
        ConfigurationError: no detector is called so.
    """
    found = DETECTORS.get(name)
    if found is None:
        raise ConfigurationError(f"no detector is called {name!r}; there are: {', '.join(DETECTORS)}")
    return found.detector
