"""Whether readings flow: how far behind the fold is, and whether the ledger adds up."""

from collections.abc import Iterator
from typing import Final

from eduops.verbs.doctor.checked import Checked
from eduops.verbs.status import BrokerStatus, Status, describe_broker

MOST_LAG_S: Final = 10.0
"""A healthy fold is a second or two behind; ten mean that it cannot keep up."""


def flow(status: Status, factor: float) -> Iterator[Checked]:
    most_s = MOST_LAG_S * max(1.0, factor)
    if status.lag_s is None:
        yield Checked(False, "not every partition has committed an entry yet; the first start takes a minute")
    else:
        yield _lag(status.lag_s, most_s, status.in_flight)
    if status.broker is not None:
        yield _session(status.broker)
    sign = "=" if status.balanced else "≠"
    yield Checked(
        status.balanced,
        f"the ledger: {status.received:,} received {sign} {status.stored:,} stored + "
        f"{status.duplicate:,} duplicate + {status.corrected:,} corrected + "
        f"{status.quarantined:,} quarantined; "
        f"{status.in_flight:,} in flight",
    )


def _session(broker: BrokerStatus) -> Checked:
    """Say what the broker took in; what it forgot with a session is on record for ever."""
    told = describe_broker(broker)
    if not broker.lost_sessions:
        return Checked(True, told)
    return Checked(
        False, f"{told}: see who uses ingest's client id, then remove session-*.json of the data folder"
    )


def _lag(lag_s: float, most_s: float, in_flight: int) -> Checked:
    """Judge how far the last commit is from now; ingest's clock, not the processor, may be the cause."""
    if lag_s < -most_s:
        return Checked(
            False,
            f"log time is {-lag_s:.0f} s ahead of this machine's clock, and stands still until that has "
            "caught up: set the clocks of the machines right, ingest's first (NTP)",
        )
    if lag_s > most_s and in_flight == 0:
        return Checked(
            False,
            f"log time stands still since {lag_s:.0f} s and nothing waits to be processed: see that ingest "
            "runs and that its machine's clock was not set back (NTP)",
        )
    fine = lag_s <= most_s
    wanted = "" if fine else f"; more than {most_s:g} s mean that it cannot keep up"
    return Checked(fine, f"the processor is {lag_s:.1f} s of log time behind{wanted}")
