"""What a story is: a state of the screens that lies in wait, with its words, its address and its data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from config.files import Configuration, load_configuration
from contract.access.permission import Role
from contract.fleet import Fleet, Former
from contract.texts import Language
from device_simulator.world.fleet import CITY_SCHOOLS, generate_fleet
from eduops.stories.figure_days import base_rows, day_figures, years_of_rows
from eduops.stories.places import with_places
from eduops.stories.scene import Scene
from eduops.stories.shelf import FigureShelf
from eduops.stories.telling import City

MORNING: Final = "2026-11-23T09:12:08"
"""A Monday, the second hour of school."""
CLOSED_US: Final = 1_787_000_000_000_000
"""When the last school of a part of the city closed: in the holidays before."""
FIGURE_DAYS: Final = 26
"""Days of figures before a story's: three weeks and a running one."""


class ScreenStory(NamedTuple):
    """A row of the registry."""

    name: str
    vi: str
    en: str
    """What is to be seen, in a sentence."""
    path: str
    """Its address; `{}` is what the scene names."""
    happen: Callable[[Scene], None]
    """Lets happen what happened."""
    shown: str
    """Selector of what is there once all of it is told."""
    schools: int = CITY_SCHOOLS
    at: str = MORNING
    """Local time."""
    role: Role | None = Role.OPERATOR
    """Of the viewer; None for a stranger."""
    silent_s: float = 0.0
    """Seconds since the last push before it is looked at; 0 for a line that lives."""
    data_age_s: float = 0.0
    """Age of what the partitions said last; 0 for ones that go on."""
    speaks: bool = True
    """Whether the partitions said anything yet."""
    area: str = ""
    """Of the viewer, as `contract.access.area` writes it; empty for the city."""
    complains: bool = False
    """Whether the browser does: something is not there, or refused to the viewer."""
    has_places: bool = False
    """Whether schools have places, and wards boundaries."""
    hit: float | None = None
    """Share of schools that lost their line on the day, for leadership's figures; None for no figures."""

    def sentence(self, language: Language) -> str:
        """Return what is to be seen."""
        return self.vi if language is Language.VI else self.en


def without_last(fleet: Fleet, closed_us: int) -> Fleet:
    """Return a fleet whose last school is no more, and part of the one before."""
    *schools, last = fleet.schools
    gone = tuple(device for device in fleet.devices if device.school_id == last.id)
    left = tuple(device for device in fleet.devices if device.school_id != last.id)
    former = (Former(last, closed_us, schools[-1].id),)
    return Fleet(fleet.province, fleet.clusters, fleet.wards, tuple(schools), left, former, gone)


@dataclass(slots=True)
class Workshop:
    """What scenes are made of; what was made once is kept for the next story."""

    configuration: Configuration = field(default_factory=lambda: load_configuration(None))
    _cities: dict[tuple[int, bool], City] = field(default_factory=dict)
    _shelves: dict[tuple[int, str, float], FigureShelf] = field(default_factory=dict)

    def city(self, story: ScreenStory) -> City:
        """Return the city that a story is about."""
        key = story.schools, story.has_places
        if key not in self._cities:
            made = self.configuration
            fleet = generate_fleet(schools=story.schools)
            if 1 < story.schools < CITY_SCHOOLS:  # the whole city keeps its published sums
                fleet = without_last(fleet, CLOSED_US)
            fleet = with_places(fleet) if story.has_places else fleet
            self._cities[key] = City(fleet, made.calendar, made.catalogue)
        return self._cities[key]

    def scene(self, story: ScreenStory) -> Scene:
        """Return what a story tells of."""
        moment = datetime.fromisoformat(story.at)
        now_us = self.configuration.calendar.moment_us(moment.date(), moment.time())
        scene = Scene(self.city(story).fleet, self.configuration.catalogue, now_us)
        story.happen(scene)
        return scene.play()

    def shelf(self, story: ScreenStory, scene: Scene) -> FigureShelf:
        """Return the figures of some weeks up to a story's moment."""
        if story.hit is None:
            return FigureShelf()
        key = story.schools, story.at, story.hit
        if key not in self._shelves:
            calendar, catalogue = self.configuration.calendar, self.configuration.catalogue
            today = calendar.local_day(scene.now_us)
            base = base_rows(scene.fleet, calendar, catalogue)
            before = years_of_rows(base, calendar, today - timedelta(FIGURE_DAYS), today - timedelta(1))
            rows = [row for _, of in before for row in of]
            if calendar.is_school_day(today):
                rows += day_figures(scene.fleet, calendar, today, 5, scene.now_us, story.hit).rows(catalogue)
            self._shelves[key] = FigureShelf(rows)
        return self._shelves[key]
