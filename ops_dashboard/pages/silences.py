"""What nobody is told of: the script fills the list and makes the form (pure)."""

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html

from alerting.silences.labels import CENTER
from contract.fleet import LEVELS, DeviceKind, Fleet
from contract.rule import Rule
from contract.texts import Language, Texts
from ops_dashboard.pages.parts.attributes import attributes
from ops_dashboard.pages.parts.desk import desk_page

GROUPS: Final = ("active", "pending", "expired")
"""Parts of the list in their order: states of a silence."""
COLUMNS: Final = ("what", "when", "mutes", "who", "deeds")
LABELS: Final = ("isp", "school", "ward", "cluster", "rule", "system", "priority", "level", "device")
"""Labels that the form offers, in their order; of a school the script knows the names."""


def silences_page(texts: Texts, language: Language, fleet: Fleet, rules: Sequence[Rule]) -> html.Div:
    """Return the page."""

    def say(key: str) -> str:
        return texts.say(f"silences.{key}", language)

    head = html.Div(
        [
            html.H2(say("title"), className="panel-title"),
            html.Span("", id="silences-count", className="panel-note", role="status"),
        ],
        className="panel-head",
    )
    deeds = html.Div(
        [
            html.Button(say("new"), id="silence-new", className="button button-main", type="button"),
            html.Button(say("import"), id="silence-import", className="button", type="button"),
            html.A(say("table"), href="/api/silences.csv", className="button"),
            html.A(say("calendar"), href="/api/maintenance.ics", className="button"),
        ],
        className="ranges",
    )
    table = html.Table(
        [html.Thead(html.Tr([html.Th(say(f"head_{name}"), scope="col") for name in COLUMNS]))],
        id="silences",
        className="table silences",
        hidden=True,
        **attributes(aria_label=say("title")),
    )
    listed = [
        head,
        html.P(say("why"), className="soft"),
        deeds,
        html.P("", id="deed-result", className="deed-result", role="status"),
        table,
        html.P(say("none"), id="silences-none", hidden=True),
    ]
    names = [
        html.Datalist([html.Option(value=name) for name in known], id=f"known-{label}")
        for label, known in _known_names(fleet, rules).items()
    ]
    panel = html.Section(listed, className="panel panel-incidents")
    return desk_page(texts, language, "/silences", "silences", panel, beside=names)


def _known_names(fleet: Fleet, rules: Sequence[Rule]) -> Mapping[str, Sequence[str]]:
    """Return the names that are suggested for a label; a school is found by typing its name or code."""
    return {
        "isp": sorted({school.isp for school in fleet.schools}),
        "ward": [ward.name for ward in fleet.wards],
        "cluster": [cluster.name for cluster in fleet.clusters],
        "rule": [rule.name for rule in rules],
        "system": [*(kind.value for kind in DeviceKind), CENTER],
        "priority": ["1", "2", "3"],
        "level": [level.value for level in LEVELS],
        "device": sorted({device.code for device in fleet.devices}),
    }
