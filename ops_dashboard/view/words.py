"""What a page's script must know before it starts: texts, rules and metrics in one language (pure)."""

from collections.abc import Sequence

import msgspec

from contract.catalogue import Catalogue
from contract.figures.targets import Targets
from contract.rule import MetricRule, Rule
from contract.texts import Language, Texts


class RuleWords(msgspec.Struct, frozen=True):
    """A rule as people read it."""

    title: str
    advice: str
    metric: str
    channel: str


class MetricWords(msgspec.Struct, frozen=True):
    """A metric as people read it."""

    name: str
    unit: str
    meaning: str


class TargetWords(msgspec.Struct, frozen=True):
    """What a figure should be, as people read it."""

    at_least: float | None
    at_most: float | None
    of_usual: bool
    reason: str


class PageWords(msgspec.Struct, frozen=True):
    """Everything of one language, for the script of a page."""

    language: str
    build: str
    topology: str
    zone: str
    texts: dict[str, str]
    rules: dict[str, RuleWords]
    metrics: dict[int, MetricWords]
    targets: dict[str, TargetWords]
    """By figure."""


def page_words(
    texts: Texts,
    language: Language,
    rules: Sequence[Rule],
    catalogue: Catalogue,
    targets: Targets,
    *,
    build: str,
    topology: str,
    zone: str,
) -> PageWords:
    """Return the words of one language; `zone` is the IANA name of the local time zone."""
    vi = language is Language.VI
    return PageWords(
        language=language.value,
        build=build,
        topology=topology,
        zone=zone,
        texts=texts.all_of(language),
        rules={
            r.name: RuleWords(
                r.title_vi if vi else r.title_en,
                r.advice_vi if vi else r.advice_en,
                metric=r.metric if isinstance(r, MetricRule) else "",
                channel=r.channel,
            )
            for r in rules
        },
        metrics={
            m.id: MetricWords(m.name, m.unit, m.meaning_vi if vi else m.meaning_en) for m in catalogue.metrics
        },
        targets={
            name.value: TargetWords(t.at_least, t.at_most, t.of_usual, t.reason_vi if vi else t.reason_en)
            for name, t in targets.items()
        },
    )


def page_words_json(words: PageWords) -> str:
    """Return the words as JSON that cannot end the script element it stands in."""
    return msgspec.json.encode(words).decode().replace("<", "\\u003c")
