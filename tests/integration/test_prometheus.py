"""An unmodified Prometheus whose alerts go to the dashboard, as they would go to an Alertmanager."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.access.area import CITY
from contract.access.permission import TokenScope
from contract.alert import TransitionKind
from eduops.machine.ports import free_ports
from storage.people.credentials import issue_token
from tests.asking import asking
from tests.dashboard_stage import Stage, program
from tests.running_owner import running_owner
from tests.running_system import until

PROMETHEUS = shutil.which("prometheus")
RULES = """
groups:
- name: power
  interval: 1s
  rules:
  - alert: GeneratorDown
    expr: generator_up == 0
    labels: {{severity: critical, school: "{school}"}}
    annotations: {{summary: "Máy phát {{{{ $labels.generator }}}} không chạy"}}
"""
CONFIG = """
global: {{evaluation_interval: 1s, scrape_interval: 1s, external_labels: {{site: hcm}}}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
  - authorization: {{credentials: "{token}"}}
    static_configs: [{{targets: ["{dashboard}"]}}]
scrape_configs: [{{job_name: power, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


class Exporter:
    """A target that Prometheus scrapes; it tells one metric."""

    def __init__(self) -> None:
        self.up = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        await reader.readuntil(b"\r\n\r\n")
        body = f'generator_up{{generator="2"}} {self.up}\n'.encode()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n" + body)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def running_prometheus(folder: Path, stage: Stage, school: str) -> AsyncIterator[Exporter]:
    """Run a Prometheus that reports to the stage's dashboard for the length of the block."""
    assert PROMETHEUS is not None
    exporter = Exporter()
    server = await asyncio.start_server(exporter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "rules.yml").write_text(RULES.format(school=school), encoding="utf-8")
    config = folder / "prometheus.yml"
    token = await issue_token(stage.conn, "prometheus", TokenScope.ALERTS_IN, CITY, 1, "test")
    told = CONFIG.format(dashboard=stage.url.removeprefix("http://"), port=port, token=token)
    config.write_text(told, encoding="utf-8")
    async with server:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{free_ports(1)[0]}", "--rules.alert.resend-delay=1s",
            "--log.level=error",
        )  # fmt: skip
        try:
            yield exporter
        finally:
            process.terminate()
            await process.wait()


@pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus (package prometheus)")
async def test_its_alert_is_an_incident_and_ends_with_its_rule(
    stage: Stage, postgres_url: str, tmp_path: Path
) -> None:
    school = stage.fleet.schools[2]
    async with (
        running_owner(stage, postgres_url),
        running_prometheus(tmp_path, stage, school.code) as exporter,
        asking(base_url=stage.url, headers=await program(stage)) as client,
    ):

        async def incidents() -> list[dict[str, Any]]:
            return list((await client.get("/api/incidents")).json()["incidents"])

        async def is_there() -> bool:
            return bool(await incidents())

        await until(is_there, "it is an incident")
        (incident,) = await incidents()
        assert (incident["rule"], incident["priority"]) == ("external/GeneratorDown", 1)
        assert incident["cause"]["school_id"] == school.id
        (told,) = (await client.get("/api/v2/alerts")).json()
        assert told["labels"] == {
            "alertname": "GeneratorDown", "generator": "2", "instance": told["labels"]["instance"],
            "job": "power", "school": school.code, "severity": "critical", "site": "hcm",
        }  # fmt: skip
        assert told["annotations"] == {"summary": "Máy phát 2 không chạy"}
        exporter.up = 1

        async def is_over() -> bool:
            return not (await client.get("/api/v2/alerts")).json()

        await until(is_over, "its alert is over")
        (incident,) = await incidents()
        page = (await client.get(f"/api/incidents/{incident['incident_id']}")).json()
        alert_id = page["members"][0]["alert"]["alert_id"]
        events = (await client.get(f"/api/alerts/{alert_id}")).json()["events"]
        assert [(e["kind"], e["note"]) for e in events] == [
            (TransitionKind.OPENED, ""), (TransitionKind.RESOLVED, "")
        ], "its sender said so"  # fmt: skip
