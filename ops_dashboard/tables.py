"""What the dashboard has in the database: what it reads, who asks, the record. Opened once, closed once."""

from ops_dashboard.access.recorder import Recorder
from ops_dashboard.access.register import Register
from ops_dashboard.archive import Archive
from ops_dashboard.people.people_reader import PeopleReader
from ops_dashboard.people.waiting_screens import WaitingScreens
from ops_dashboard.saved_views.keeping import SavedViews
from ops_dashboard.special_days.reading import DeskReader
from storage.database import open_pool


class Tables:
    """The database as the dashboard knows it. `eduops stories` has another kind, of canned data."""

    archive: Archive
    register: Register
    recorder: Recorder
    screens: WaitingScreens
    days: DeskReader
    people: PeopleReader
    views: SavedViews

    def __init__(self, dsn: str) -> None:
        self.pool = open_pool(dsn)
        self.archive = Archive(self.pool)
        self.register = Register(dsn)
        self.recorder = Recorder(self.pool)
        self.screens = WaitingScreens(self.pool)
        self.days = DeskReader(self.pool)
        self.people = PeopleReader(self.pool)
        self.views = SavedViews(self.pool)

    async def open(self) -> None:
        """Connect in the background: a wall comes up, grey, even while the database is away."""
        await self.pool.open(wait=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self.pool.close()
