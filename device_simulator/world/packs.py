"""SenML packs as devices write them: JSON, base time in the first record, one record a reading.

Source: RFC 8428, sections 4 and 5.1.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import Metric
from device_simulator.world.city import Measured

ONLINE: Final = b'{"online":true}'
OFFLINE: Final = b'{"online":false}'
"""Last will of a gateway, on its status topic."""


def encode_packs(
    measured: Measured, metrics: tuple[Metric, ...], time_us: NDArray[np.int64]
) -> list[bytes | None]:
    """Return one pack a measured school, None where it measured nothing.

    Args:
        measured: n schools.
        metrics: Metrics of the measured stream; one that was not measured is left out.
        time_us: Stamp of each pack by the device's own clock, shape (n,).
    """
    columns = [
        (f'"n":"{m.name}","u":"{m.unit}","v":', measured.values[m.name].tolist())
        for m in metrics
        if m.name in measured.values
    ]
    packs: list[bytes | None] = []
    for i, stamp_us in enumerate(time_us.tolist()):
        # NaN is the only value unlike itself: nothing was measured, so nothing is said.
        records = [f"{head}{column[i]!r}" for head, column in columns if column[i] == column[i]]
        if records:
            body = "},{".join(records)
            packs.append(f'[{{"bt":{stamp_us / 1e6!r},{body}}}]'.encode())
        else:
            packs.append(None)
    return packs


def garbage(number: int, pack: bytes) -> bytes:
    """Return what a broken device sends instead of a pack; the number chooses among eight ways."""
    ways = (
        pack[: max(1, len(pack) // 2)],
        b"[]",
        b"\x00\xff\xfe" + pack[:8],
        b'{"temperature":21.5}',
        b'[{"n":"down_bps","u":"bit/s","v":"fast"}]',
        b'[{"n":"no_such_metric","u":"/","v":1}]',
        b'[{"n":"down_bps","u":"bit/s","v":-1}]',
        b'[{"n":"down_bps","u":"bit/s","v":NaN}]',
    )
    return ways[number % len(ways)]
