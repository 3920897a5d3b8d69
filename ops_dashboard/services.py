"""What the routes and pages work with, wired once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.log import Log
from config.routing import RoutingFile
from contract.calendar import SchoolCalendar
from contract.catalogue import Catalogue
from contract.figures.plan import CityPlan
from contract.figures.targets import Targets
from contract.fleet import Fleet
from contract.routing.provider_card import ProviderCards
from contract.rule import Rule
from contract.texts import Texts
from contract.ward_map.places import WardMap
from ops_dashboard.archive import Archive
from ops_dashboard.config import DashboardConfig
from ops_dashboard.live.hub import Hub
from ops_dashboard.special_days.reading import DeskReader
from ops_dashboard.view.board import Board


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may use."""

    config: DashboardConfig
    log: Log
    hub: Hub
    board: Board
    """What is open and how every school is, of the area that is asked for."""
    archive: Archive
    days: DeskReader
    fleet: Fleet
    catalogue: Catalogue
    calendar: SchoolCalendar
    rules: Sequence[Rule]
    texts: Texts
    routing: RoutingFile
    targets: Targets
    plan: CityPlan
    providers: ProviderCards
    """Whom to call at each internet provider."""
    draw_wards: Callable[[Fleet], WardMap]
    """Makes the map of wards and schools; of those alone that whoever asks may see."""
    at_us: int | None = None
    """Log time of the earlier minute that is asked for; None for now."""

    def now_us(self) -> int:
        """Return the log time of what is shown: now, or the earlier minute."""
        return self.config.clock.log_us(self.real_us())

    def real_us(self) -> int:
        """Return the real time of what is shown, µs since 1970; an earlier minute has the log's."""
        return time.time_ns() // 1000 if self.at_us is None else self.at_us
