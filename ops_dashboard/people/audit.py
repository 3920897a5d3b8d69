"""The record, for administrators: who did what, from where, and what came of it; also as a file."""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from config.spreadsheet import inert
from ops_dashboard.api.answers import NOT_KEPT
from ops_dashboard.people.audit_words import RESULTS, TOPICS, AuditWords
from ops_dashboard.people.office import PeopleOffice
from storage.people.audit import AuditChoice, read_audit

PAGE_ROWS = 100
MOST_ROWS = 100_000
"""Rows of a file: some years of a center."""
INT64_MAX = 2**63 - 1
Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Before = Annotated[int | None, Query(ge=1, le=INT64_MAX)]


def add_audit_pages(router: APIRouter, office: PeopleOffice) -> None:
    @router.get("/audit", include_in_schema=False)
    async def audit(
        request: Request, actor: Word = "", action: Word = "", result: Word = "", before: Before = None
    ) -> Response:
        choice = AuditChoice(actor.strip(), action.strip(), result.strip(), before)
        async with office.connection() as conn:
            entries = await read_audit(conn, choice, PAGE_ROWS)
        older = entries[-1].seq if len(entries) == PAGE_ROWS else None
        render = office.renderer
        return render.page(
            request, "audit", entries=entries, choice=choice, older=older, topics=TOPICS, results=RESULTS,
            words=AuditWords(render.texts, render.language(request), office.fleet),
        )  # fmt: skip

    @router.get("/audit.csv", include_in_schema=False)
    async def audit_file(actor: Word = "", action: Word = "", result: Word = "") -> Response:
        async with office.connection() as conn:
            entries = await read_audit(conn, AuditChoice(actor, action, result), MOST_ROWS)
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(type(entries[0]).__struct_fields__ if entries else ["seq"])
        for entry in entries:
            fields = [getattr(entry, name) for name in entry.__struct_fields__]
            table.writerow([inert(one) if isinstance(one, str) else one for one in fields])
        headers = {**NOT_KEPT, "Content-Disposition": 'attachment; filename="audit.csv"'}
        return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
