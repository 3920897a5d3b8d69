"""The faults of a running simulator: taken by request, noted as labels, on or off by log time."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from contract.fleet import Fleet
from device_simulator.world.faults import (
    Fault,
    FaultKind,
    FaultLabel,
    FaultReply,
    FaultRequest,
    decode_request,
    encode_label,
    label_of,
    parse_fault,
    scattered,
)

_logger: Final = logging.getLogger(__name__)

HOUR_US: Final = 3_600_000_000
_CUTS: Final = (FaultKind.LINK_CUT, FaultKind.ISP_OUTAGE)


class FaultBoard:
    """Knows which faults are on."""

    def __init__(
        self, fleet: Fleet, *, labels_path: Path | None = None, scatter_per_h: float = 0.0, seed: int = 79
    ) -> None:
        """Begin without faults.

        Args:
            fleet: Whose schools they meet.
            labels_path: Where labels are appended, one JSON line each; None for nowhere.
            scatter_per_h: Everyday faults an hour of log time in the whole city.
            seed: Of the everyday faults.
        """
        self._fleet = fleet
        self._labels_path = labels_path
        self._scatter_per_h = scatter_per_h
        self._seed = seed
        self._hour = -1
        self._faults: list[Fault] = []

    def request(self, request: FaultRequest, now_us: int) -> FaultReply:
        """Take a fault, or say why not."""
        fault = parse_fault(request, self._fleet, now_us)
        if isinstance(fault, str):
            return FaultReply(error=fault)
        return FaultReply(label=self._take(fault))

    def answer(self, payload: bytes, now_us: int) -> bytes:
        """Return the JSON reply to a JSON request."""
        request = decode_request(payload)
        reply = FaultReply(error=request) if isinstance(request, str) else self.request(request, now_us)
        return msgspec.json.encode(reply)

    def active(self, now_us: int) -> list[Fault]:
        """Return the faults that are on; forget those that are over and scatter the hour's new ones."""
        hour = now_us // HOUR_US
        if self._scatter_per_h and hour != self._hour:
            self._hour = hour
            for fault in scattered(self._fleet, hour, self._scatter_per_h, self._seed):
                if fault.start_us >= now_us:
                    self._take(fault)
        self._faults = [f for f in self._faults if f.end_us > now_us]
        return [f for f in self._faults if f.is_active(now_us)]

    def _take(self, fault: Fault) -> FaultLabel:
        label = label_of(fault, self._fleet)
        self._faults.append(fault)
        if self._labels_path is not None:
            with self._labels_path.open("ab") as file:
                file.write(encode_label(label))
        _logger.info(
            "event=fault_started kind=%s schools=%d for_s=%.0f",
            fault.kind,
            len(label.schools),
            (label.end_us - label.start_us) / 1e6,
        )
        return label


def cut_positions(active: list[Fault]) -> frozenset[int]:
    """Return the school positions whose line is cut by any of the faults."""
    return frozenset(p for fault in active if fault.kind in _CUTS for p in fault.positions)
