"""docs/operating.md tells every event and field of the log lines as the catalogue has it."""

from pathlib import Path

from contract.service.log_events import LOG_EVENTS, LOG_FIELDS

TEXT = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
ROWS = TEXT.partition("\n## Log lines\n")[2].partition("\n## ")[0].splitlines()


def test_the_tables_are_the_catalogue() -> None:
    events = [
        f"| `{event.name}` | {', '.join(f'`{field}`' for field in event.fields) or '–'} | {event.meaning} |"
        for event in LOG_EVENTS
    ]
    fields = [f"| `{name}` | {meaning} |" for name, meaning in LOG_FIELDS.items()]
    assert [row for row in ROWS if row.startswith("| `")] == events + fields
