"""The status of a device in short: `{"online": true|false}` (pure)."""

from typing import Final

from contract.rejected import Reason
from ingest.decoders.senml import Defect, Record, RecordDefect, parse_json, shown_field

_FORMS: Final = '{"online":true} or [{"n":"online","vb":true}]'


def read_status(payload: bytes) -> tuple[list[Record], list[RecordDefect]] | Defect:
    """Read `{"online": true|false}`, with the time of measurement in `t` as in SenML if there is one."""
    document = parse_json(payload)
    if isinstance(document, Defect):
        return document
    if not isinstance(document, dict):
        return Defect(Reason.NOT_SENML, f"a status is {_FORMS}")
    unmet = next((label for label in document if label not in ("online", "t") and label.endswith("_")), None)
    if unmet is not None:
        return Defect(Reason.NOT_SENML, f"field {shown_field(unmet)} must be understood")
    time_s = document.get("t", 0.0)
    if not isinstance(time_s, float):
        return Defect(Reason.NOT_SENML, "field t has the wrong type")
    if "online" not in document:
        return Defect(Reason.NO_VALUE, f"the status has no field online; it is {_FORMS}")
    online = document["online"]
    if not isinstance(online, bool):
        return Defect(Reason.NOT_A_NUMBER, "online is neither true nor false")
    return [Record(n="online", v=float(online), t=time_s)], []
