"""docs/operating.md tells every metric of the services as the catalogue has it."""

import re
from pathlib import Path

import pytest

from contract.service.metrics import SERVICE_METRICS, ServiceMetric
from eduops.exporter import metrics_of

TEXT = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
ROWS = {row.split("`")[1]: row for row in re.findall(r"^\| `eduops_.*\|$", TEXT, re.MULTILINE)}
SERVICES = ("authoriser", "ingest", "processor", "dashboard", "simulator", "notifier", "watchdog")


def test_no_row_is_too_many() -> None:
    assert set(ROWS) == {metric.name for metric in SERVICE_METRICS}


@pytest.mark.parametrize("metric", SERVICE_METRICS, ids=lambda metric: metric.name)
def test_metric_has_its_row(metric: ServiceMetric) -> None:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    services = ", ".join(service for service in SERVICES if metric in metrics_of(service))
    cells = (f"`{metric.name}`", metric.kind.value, labels, services, metric.help)
    assert ROWS.get(metric.name) == f"| {' | '.join(cells)} |"
