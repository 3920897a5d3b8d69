"""How a transition gets into the alerts log."""

from bus.codec import encode_transitions
from bus.log import Log
from contract.alert import Transition
from contract.entry import ALERTS_LOG, EntryKind


async def announce(log: Log, transition: Transition) -> None:
    """Append one transition to the alerts log under an identity of its own."""
    await log.append(
        ALERTS_LOG,
        EntryKind.TRANSITION,
        encode_transitions([transition]),
        at_us=transition.detected_at_us,
        message_id=f"{transition.alert_id}-{transition.kind.value}",
    )
