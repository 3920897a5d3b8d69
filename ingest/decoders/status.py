"""The status of a device in short: `{"online": true|false}` (pure)."""

from typing import Final

from contract.rejected import Reason, RefusalDetail, write_detail
from ingest.decoders.senml import Defect, Record, RecordDefect, field_defect, parse_json

_FORMS: Final = '{"online":true} or [{"n":"online","vb":true}]'


def read_status(payload: bytes) -> tuple[list[Record], list[RecordDefect]] | Defect:
    """Read `{"online": true|false}`, with the time of measurement in `t` as in SenML if there is one."""
    document = parse_json(payload)
    if isinstance(document, Defect):
        return document
    if not isinstance(document, dict):
        return Defect(Reason.NOT_SENML, write_detail(RefusalDetail.NOT_A_STATUS, forms=_FORMS))
    unmet = next((label for label in document if label not in ("online", "t") and label.endswith("_")), None)
    if unmet is not None:
        return field_defect(RefusalDetail.FIELD_UNMET, unmet)
    time_s = document.get("t", 0.0)
    if not isinstance(time_s, float):
        return field_defect(RefusalDetail.FIELD_TYPE, "t")
    if "online" not in document:
        return Defect(Reason.NO_VALUE, write_detail(RefusalDetail.NO_ONLINE, forms=_FORMS))
    online = document["online"]
    if not isinstance(online, bool):
        return Defect(Reason.NOT_A_NUMBER, write_detail(RefusalDetail.NO_TRUTH))
    return [Record(n="online", v=float(online), t=time_s)], []
