"""Alerts and what is known around them, for the tests of their explanations."""

from collections.abc import Iterable
from importlib.resources import files
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerting.explanation.evidence import (
    Explanation,
    Known,
)
from alerting.explanation.sentences import sentences
from alerting.incidents.fold import Moment, advance
from alerting.incidents.groups import Groups
from alerting.incidents.state import Incidents
from contract.alert import Alert
from contract.catalogue import Catalogue
from contract.fleet import DeviceKind
from contract.incident import Cause, CauseKind, Incident
from contract.rule import MetricRule, Rule
from contract.series import series_of
from contract.texts import Language, Texts, parse_texts
from device_simulator.world.fleet import generate_fleet

FLEET = generate_fleet(schools=120)
GROUPS = Groups(FLEET)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW_US = 1_795_400_000_000_000
BOTH = frozenset({DeviceKind.GATEWAY, DeviceKind.ATTENDANCE})


@pytest.fixture(scope="module")
def texts() -> Texts:
    return parse_texts((files("config") / "texts.toml").read_text(encoding="utf-8"))


@pytest.fixture
def by_name(rules: tuple[Rule, ...]) -> dict[str, Rule]:
    return {rule.name: rule for rule in rules}


def placed(alerts: Iterable[Alert]) -> Incidents:
    """Return the incidents of alerts that opened together."""
    state = Incidents()
    advance(GROUPS, state, [Moment(NOW_US, tuple(alerts)), Moment(NOW_US + 1_000_000)])
    return state


def is_shared(state: Incidents, incident_id: str) -> bool:
    """Return whether an incident has a cause that schools may share."""
    return state.kept[incident_id].incident.cause.kind not in (CauseKind.SCHOOL, CauseKind.SYSTEM)


def with_cause(known: Known, cause: Cause) -> Incident:
    """Return the alert's incident as if it had another cause."""
    assert known.incident is not None
    return msgspec.structs.replace(known.incident, cause=cause)


class Desk:
    """Makes alerts and what is known around them."""

    def __init__(self, rules: dict[str, Rule], catalogue: Catalogue, texts: Texts) -> None:
        self.rules = rules
        self.catalogue = catalogue
        self.texts = texts

    def alert(self, rule: str, position: int = 0, **other: object) -> Alert:
        """Return an open alert of the school at a position of the fleet."""
        decided = self.rules[rule]
        assert isinstance(decided, MetricRule)
        school, metric = FLEET.schools[position], self.catalogue.named(decided.metric)
        kind = {"attendance": DeviceKind.ATTENDANCE, "elearning": DeviceKind.ELEARNING}.get(
            metric.stream.value, DeviceKind.GATEWAY
        )
        device = next(d for d in FLEET.devices if d.school_id == school.id and d.kind is kind)
        made = Alert(
            f"{rule}-{position}", rule, series_of(device.id, metric.id), school.id, 2, NOW_US, NOW_US,
            None, None, None, None, school.pupils,
        )  # fmt: skip
        return msgspec.structs.replace(made, **other)

    def known(self, *open_alerts: Alert, **other: object) -> Known:
        """Return what is known with these alerts open; all of the first one's school stand beside it."""
        given = {a.alert_id: a for a in open_alerts}
        first, state = open_alerts[0], placed(open_alerts)
        own = state.place.get(first.alert_id, "")
        usual: dict[str, object] = {
            "open_alerts": given,
            "of_school": [a for a in open_alerts if a.school_id == first.school_id],
            "incident": state.kept[own].incident if own else None,
            "elsewhere": frozenset(a for a, i in state.place.items() if i != own and is_shared(state, i)),
            "states": "n" * len(FLEET.schools),
        }
        return Known(GROUPS, self.catalogue, self.rules, **{**usual, **other})  # type: ignore[arg-type]

    def say(self, why: Explanation, rule: str, language: Language = Language.EN) -> dict[str, list[str]]:
        """Return the sentences by kind."""
        found: dict[str, list[str]] = {}
        for line in sentences(why, self.rules.get(rule), self.texts, language, ZONE):
            found.setdefault(line.kind, []).append(line.text)
        return found


@pytest.fixture
def desk(by_name: dict[str, Rule], catalogue: Catalogue, texts: Texts) -> Desk:
    return Desk(by_name, catalogue, texts)
