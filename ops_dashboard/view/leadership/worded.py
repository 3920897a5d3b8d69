"""The brief in words and marks: what the page shows and the paper prints, line by line the same."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from contract.fleet import Fleet
from contract.rule import Rule
from contract.texts import Language, Texts

UNKNOWN: Final = "–"


class WordedHeadline(msgspec.Struct, frozen=True):
    """A headline as it is read."""

    title: str
    value: str
    unit: str
    before: str
    allowed: str
    note: str
    is_bad: bool
    svg: str


class WordedCard(msgspec.Struct, frozen=True):
    """A card as it is read."""

    title: str
    about: str
    value: str
    unit: str
    target: str
    is_missed: bool
    beside: list[str]
    weeks_from: str
    spark: str
    groups: str
    """How many clusters have a value, and how many miss the target."""
    strip: str
    worst: str
    best: str
    coverage: str
    age: str


class WordedBar(msgspec.Struct, frozen=True):
    """A group of the comparison as it is read."""

    member: str
    name: str
    value: str
    is_bad: bool
    note: str
    """Why it has no value; else empty."""
    svg: str
    weeks: str
    """Its weeks as a line; empty where they are not drawn."""


class WordedComparison(msgspec.Struct, frozen=True):
    """Groups side by side as they are read."""

    groups: str
    """What is compared."""
    figure: str
    """By which figure."""
    bars_are: str
    """What the length of a bar is, and its marks."""
    whole: str
    """The figure of all of them, and what the benchmark says."""
    bars: list[WordedBar]


class WordedStanding(msgspec.Struct, frozen=True):
    """A figure beside the plan and the benchmarks as it is read."""

    title: str
    value: str
    is_missed: bool
    aims: list[str]
    """In the order of `WordedBrief.benchmarks`."""
    coming: str
    """The next step of the plan; else empty."""
    sources: list[str]
    """Whose number each is, with the name of the benchmark."""


class WordedQuestion(msgspec.Struct, frozen=True):
    """A question as it is read."""

    name: str
    change: str
    is_worse: bool
    why: str
    ask: str
    incident_id: str


class WordedIncident(msgspec.Struct, frozen=True):
    """An incident as it is read."""

    incident_id: str
    name: str
    what: str
    since: str
    until: str
    schools: str
    pupils: str
    lost: str
    owner: str


class WordedBrief(msgspec.Struct, frozen=True):
    """A brief as it is read."""

    title: str
    until: str
    sentence: str
    marks: list[str]
    headlines: list[WordedHeadline]
    cards: list[WordedCard]
    comparison: WordedComparison
    benchmarks: list[str]
    """Names: the plan's first."""
    standings: list[WordedStanding]
    questions: list[WordedQuestion]
    history: str
    """Since when anything is known, and when the first figures and comparisons come; else empty."""
    unknown: str
    """Clusters of which too little is known to be compared; else empty."""
    incidents: list[WordedIncident]
    method: list[str]


class Wording(NamedTuple):
    """In which words a brief is told."""

    texts: Texts
    language: Language
    zone: ZoneInfo
    fleet: Fleet
    rules: Mapping[str, Rule]
