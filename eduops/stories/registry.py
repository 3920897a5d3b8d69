"""All stories, a row each."""

from functools import partial
from typing import Final

from contract.access.permission import Role
from eduops.stories import situations
from eduops.stories.story import ScreenStory

_LINES: Final = "#alarms .alarm-who"
_DAY: Final = "#day .curve svg"
_wall = partial(ScreenStory, path="/", role=Role.SCREEN, shown=_LINES)

SITUATIONS: Final = (
    _wall("calm", "Mọi việc bình thường", "All is well", happen=situations.calm, shown=_DAY),
    _wall("one-school", "Một trường mất mạng", "One school is down", happen=situations.one_school),
    _wall("one-ward", "Một phường mất mạng", "One ward is down", happen=situations.one_ward),
    _wall("one-provider", "Một nhà mạng hỏng", "One provider fails", happen=situations.one_provider),
    _wall(
        "platform", "Nền tảng học trực tuyến hỏng", "The learning platform fails", happen=situations.platform
    ),
    _wall("all-dark", "Không nghe được trường nào", "No school is heard", happen=situations.all_dark),
)
"""The six of the two-second test: docs/screens/README.md."""

STORIES: Final = SITUATIONS


def story_named(name: str) -> ScreenStory | None:
    """Return the story of a name."""
    return next((story for story in STORIES if story.name == name), None)
