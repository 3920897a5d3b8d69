"""The brief as a paged document: typst sets `report.typ` with the words and charts as data, never as markup.

Source: typst 0.15, https://typst.app/docs; PDF 1.7, tagged.
"""

from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import msgspec
import typst

from contract.texts import Language, Texts
from ops_dashboard.view.leadership.worded import WordedBrief

LABELS: Final = (
    "leadership.center",
    "leadership.lost_title",
    "leadership.lost_why",
    "leadership.figures_title",
    "leadership.figures_why",
    "leadership.compare_title",
    "leadership.questions_title",
    "leadership.questions_why",
    "leadership.no_questions",
    "leadership.incidents_title",
    "leadership.no_incidents",
    "leadership.more_incidents",
    "leadership.method_title",
    "leadership.standings_title",
    "leadership.head_figure",
    "leadership.head_now",
    "leadership.head_step",
    "leadership.page_of",
    "leadership.head_cause",
    "leadership.head_what",
    "leadership.head_since",
    "leadership.head_until",
    "leadership.head_schools",
    "leadership.head_pupils",
    "leadership.head_lost",
    "leadership.head_owner",
)


def report_data(words: WordedBrief, texts: Texts, language: Language) -> dict[str, Any]:
    """Return what the document is given: every word and chart of the page, and the names of its parts."""
    labels = {key.removeprefix("leadership."): texts.say(key, language) for key in LABELS}
    return {"brief": msgspec.to_builtins(words), "labels": labels, "language": language.value}


def report_pdf(words: WordedBrief, texts: Texts, language: Language) -> bytes:
    """Return the report of a brief as PDF; takes a good second of one core, so call it from a thread."""
    return set_document("report.typ", report_data(words, texts, language))


def set_document(template: str, data: dict[str, Any]) -> bytes:
    """Return a document set by a template of this folder, as PDF.

    Args:
        template: name of its file.
        data: what it reads as `sys.inputs.data`, as JSON.
    """
    inputs = {"data": msgspec.json.encode(data).decode()}
    source = files("ops_dashboard.report").joinpath(template)
    with as_file(source) as path:
        return typst.compile(
            path, format="pdf", font_paths=[_fonts()], ignore_system_fonts=True, sys_inputs=inputs
        )


@cache
def _fonts() -> Path:
    return Path(str(files("ops_dashboard.report").joinpath("fonts")))
