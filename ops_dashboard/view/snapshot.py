"""What a wall needs, once a second: the words of the push (pure)."""

import msgspec

from ops_dashboard.view.kpis import Affected, Tile
from ops_dashboard.view.lines import WallLine


class Open(msgspec.Struct, frozen=True):
    """Open alerts in numbers."""

    by_priority: list[int]
    """Open alerts of priority 1, 2 and 3; those about the center itself count once a rule."""
    unacknowledged: int
    sounding: int
    """Unacknowledged alerts of priority 1 that are not muted: a wall with sound repeats until it is 0."""
    muted: int
    """Open alerts that a silence mutes now: of these nobody is told."""
    lines: list[WallLine]
    """The first incidents for the wall, most urgent first."""
    line_count: int
    """All incidents with open alerts, shown or not."""
    lines_by_priority: list[int]
    """The same by priority 1, 2 and 3."""
    untaken: int
    """Those among them that somebody should take."""
    chronic: int
    """Chronic devices; they count in none of the numbers and lines above."""
    live_partitions: int
    """Partitions whose summary is fresh; fewer than all means that alerts may be missing."""
    partitions: int


class Snapshot(msgspec.Struct, frozen=True, tag_field="kind", tag="snapshot"):
    """All that a wall needs, once a second; each replaces the one before."""

    sequence: int
    build: str
    area: str
    """Code of the cluster or ward that figures, alerts and lines are of; empty for the whole city."""
    topology: str
    """Version of the fleet; another one means: load `/api/fleet` again."""
    alerts_version: int
    """Changes when what is open was read anew; another one means: load `/api/alerts` or `/api/incidents`
    again."""
    at_us: int
    """Log time of this snapshot, µs since 1970."""
    age_s: float | None
    """Real seconds since the youngest summary's log time; None before the first."""
    partition_age_s: list[float | None]
    """The same for each partition."""
    canary: dict[int, tuple[int, float]]
    """Newest reading of each partition's canary that came through: log time, µs since 1970, and value."""
    states: str
    """One character a school in fleet order: n, u, 1, 2, 3, c or m (contract.live)."""
    connected: Tile
    attendance: Tile
    elearning: Tile
    affected: Affected
    session: str
    """Name of the session that attendance speaks of, such as `morning`; empty without any."""
    attendance_by_cluster: list[float | None]
    """Share of pupils present, 0 to 1, in fleet order; None where it is not known, or not told."""
    attendance_withheld: list[int]
    """Positions of those that would tell of few pupils."""
    open: Open
    down: Tile
    """City traffic towards the schools, bit/s."""
    up: Tile
    unkept: tuple[str, ...] = ()
    """Figures of which nothing is stored, of an earlier minute; else empty."""
