"""What the best detector could find of wrong registers: the ceiling that the noise itself sets.

The simulator knows what no detector does: each school's true absence on a day but for its own draw (usual
absence, what lasts for days, ward, city, weekday) and the distribution of that draw. By the lemma of Neyman
and Pearson no detector finds more at a number of false alarms than the one that tells a school-day where
the likelihood of what was seen under the fault, over that without one, is above a bound. So its share found
is a bound for every causal detector.

What is seen of a school-day is its share of absent pupils, of which a second register of the day says
nothing new (a day is one draw), and its traffic over the fault's hours as a logarithm less what is expected
of the pupils who are registered. Traffic counts as if a fault always lasted its longest, and what changes
from reading to reading as averaged away: that makes the bound higher, never lower. A register that does not
come while the fault lasts shows nothing.

Three detectors, each at so many false alarms in 1,000 school-days, schools and days together:

- *alone*: knows the kind that it looks for, and its least and greatest strength;
- *together*: looks for all kinds at once, each as likely as the others;
- *by the root*: takes more absent pupils for worse, as `anomaly.absence` does, from the true mean.

Days on which the whole city stays away are left out: what is told on them is their own.

Source:
    J. Neyman, E. S. Pearson, "On the problem of the most efficient tests of statistical hypotheses",
    Phil. Trans. R. Soc. A 231, 289-337, 1933.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from anomaly.absence import absence_deviations
from contract.errors import ConfigurationError
from contract.fleet import LEVELS
from device_simulator.world.everyday import FAR_AWAY
from device_simulator.world.fault_specs import MILD_SPECS, SPECS, FaultSpec
from device_simulator.world.faults import FaultKind
from device_simulator.world.fleet import generate_fleet
from device_simulator.world.mess import ABSENT_MOST, OWN_DEGREES, OWN_MOST, Mess
from device_simulator.world.scenarios import HOUR_US, PROBATION, Scenario, draw_scenario
from device_simulator.world.school_time.timetable import REGISTER_FIRST_US
from device_simulator.world.severity import MESS, MessTerms
from evaluation.scenarios.run import ScenarioTerms

Floats = NDArray[np.float64]

BUDGETS: Final = (1.0, 2.0, 5.0)
"""False alarms in 1,000 school-days."""
DRAWS: Final = 60
"""Draws of each school-day, with and without each fault."""
STRENGTHS: Final = 24
"""Strengths of a kind that the likelihood is a mean over."""
SLOW_H: Final = 25 / 60
"""Hours within which traffic changes by itself: `Mess.traffic`."""
SMOOTH_MEAN: Final = 16 / np.pi**2
"""Variance of the mean of one smooth noise of unit variance, times the periods that it is over: each
lattice draw weighs 4 / pi of a period (`Noise.smooth`)."""


class Ceiling(NamedTuple):
    """Shares found of one kind at each of `BUDGETS`."""

    kind: str
    alone: tuple[float, ...]
    together: tuple[float, ...]
    by_root: tuple[float, ...] | None
    """None where the register does not show the fault."""


class _Days(NamedTuple):
    """School-days of one or more cities, all of shape (n, 1)."""

    mean: Floats
    """Share of pupils absent but for the school's own draw."""
    first_h: Floats
    """Hours of the day from which a register says something; infinite where none comes."""


def ceilings(runs: Sequence[ScenarioTerms], calendar_text: str) -> list[Ceiling]:
    """Return the ceiling of every kind of attendance fault in the cities of some runs.

    Raises:
        ConfigurationError: the city is calm, so that its noise has another form.
    """
    if runs[0].severity not in MESS:
        raise ConfigurationError("A ceiling is of a city of severity real or storm")
    terms = MESS[runs[0].severity]
    parts = [_days_of(run, calendar_text) for run in runs]
    days = _Days(*(np.concatenate(columns)[:, None] for columns in zip(*parts, strict=True)))
    specs = [s for s in SPECS + MILD_SPECS if s.kind is FaultKind.ATTENDANCE_DROP]
    rng = np.random.default_rng([runs[0].seed, 71])
    noise = _Seen(*_draw(rng, days, terms), _spread(terms) * rng.standard_normal((len(days.mean), DRAWS)))
    seen = [_under(spec, rng, days, terms) for spec in specs]
    of_noise = [_ratios(spec, noise, days, terms) for spec in specs]
    all_of_noise = np.logaddexp.reduce(of_noise)
    found = []
    for spec, own, fault in zip(specs, of_noise, seen, strict=True):
        alone = _ratios(spec, fault, days, terms)
        together = np.logaddexp.reduce([_ratios(other, fault, days, terms) for other in specs])
        root = None
        if spec.variant != "copied":
            root = best_shares(_root(noise, days), np.where(fault.told, _root(fault, days), -np.inf))
        found.append(
            Ceiling(
                spec.label or spec.variant, best_shares(own, alone), best_shares(all_of_noise, together), root
            )
        )
    return found


def best_shares(noise: Floats, faults: Floats) -> tuple[float, ...]:
    """Return the share of faults that score above all but a budget of the noise, for each of `BUDGETS`."""
    ordered = np.sort(noise, axis=None)
    bounds = [ordered[len(ordered) - 1 - int(len(ordered) * budget / 1000.0)] for budget in BUDGETS]
    # What noise can never be costs nothing, so it is told even where the bound is there.
    return tuple(float(((faults > bound) | np.isposinf(faults)).mean()) for bound in bounds)


class _Seen(NamedTuple):
    """What is seen of school-days, all of shape (n, DRAWS)."""

    absent: Floats
    is_end: NDArray[np.bool_]
    """Where the own draw is the greatest that there is, or nobody is absent: noise with a probability, not a
    density."""
    traffic: Floats
    """Logarithm less what is expected of the pupils who are registered."""
    told: NDArray[np.bool_] = np.ones((1, 1), np.bool_)
    """Where a register comes while the fault lasts."""


def _days_of(run: ScenarioTerms, calendar_text: str) -> tuple[Floats, Floats]:
    fleet = generate_fleet(run.schools, seed=run.seed)
    scenario = draw_scenario(
        fleet,
        calendar_text,
        run.seed,
        run.days,
        mild=run.mild,
        severity=run.severity,
        first_day=run.first_day,
    )
    mess = Mess(fleet, scenario.lived, MESS[run.severity], run.seed)
    rows: list[tuple[Floats, Floats]] = []
    for day in range(int(PROBATION * run.days), run.days):
        on = scenario.lived.local_day(scenario.start_us) + timedelta(days=day)
        opens = all(scenario.lived.sessions(level, on) for level in range(len(LEVELS)))
        if opens and np.exp(mess.level_absence(on).max()) < FAR_AWAY:
            rows.append((mess.expected_absence(on), _first_h(scenario, mess, on, day)))
    if not rows:
        raise ConfigurationError(f"Seed {run.seed} has no usual school day in {run.days} days")
    mean, first_h = (np.concatenate(column) for column in zip(*rows, strict=True))
    return mean.clip(1e-3, 0.9), first_h


def _first_h(scenario: Scenario, mess: Mess, on: date, day: int) -> Floats:
    """Return the hour of a day at which each school's first register comes, infinite if none does."""
    level = scenario.fleet.level_index
    midnight_us = scenario.start_us + 24 * HOUR_US * day
    first = np.full(len(level), np.inf)
    for i in range(len(LEVELS)):
        for session in scenario.lived.sessions(i, on):
            begins = (session.start_us + REGISTER_FIRST_US - midnight_us) / HOUR_US
            comes = (level == i) & ~mess.unsent(session.start_us)
            first[comes] = np.minimum(first[comes], begins)
    return first


def _spread(terms: MessTerms) -> float:
    """Return the standard deviation of traffic as a logarithm, over the hours of the longest fault."""
    longest_h = max(s.lasts_h[1] for s in SPECS + MILD_SPECS if s.kind is FaultKind.ATTENDANCE_DROP)
    return float(np.hypot(terms.traffic_day, terms.traffic_slow * np.sqrt(SMOOTH_MEAN * SLOW_H / longest_h)))


def _draw(rng: np.random.Generator, days: _Days, terms: MessTerms) -> tuple[Floats, NDArray[np.bool_]]:
    """Return shares of absent pupils without a fault, and where they are at their end."""
    own = rng.standard_t(OWN_DEGREES, (len(days.mean), DRAWS))
    root = days.mean**0.25 + terms.absence_day * own.clip(-OWN_MOST, OWN_MOST)
    absent = root.clip(0.0) ** 4
    return absent.clip(None, ABSENT_MOST), (own >= OWN_MOST) | (absent >= ABSENT_MOST) | (absent == 0.0)


def _under(spec: FaultSpec, rng: np.random.Generator, days: _Days, terms: MessTerms) -> _Seen:
    absent, _ = _draw(rng, days, terms)
    strength = rng.uniform(*spec.strength, absent.shape)
    traffic = _spread(terms) * rng.standard_normal(absent.shape)
    ends_h = rng.uniform(*spec.begins_h, absent.shape) + rng.uniform(*spec.lasts_h, absent.shape)
    told, nowhere = days.first_h < ends_h, np.zeros(absent.shape, np.bool_)
    if spec.variant == "copied":
        return _Seen(absent, nowhere, traffic + np.log1p(-strength), told)
    if spec.variant == "reader":
        traffic = traffic - np.log1p(-strength)
    return _Seen(absent + strength * (1.0 - absent), nowhere, traffic, told)


def _ratios(spec: FaultSpec, seen: _Seen, days: _Days, terms: MessTerms) -> Floats:
    """Return the logarithm of the likelihood of what is seen under a kind, over that without any fault."""
    usual = _density(seen.absent, days, terms)
    spread = _spread(terms)
    likely = np.zeros(seen.absent.shape)
    least, most = spec.strength
    for strength in least + (most - least) * (np.arange(STRENGTHS) + 0.5) / STRENGTHS:
        if spec.variant == "copied":
            likely += usual * _shifted(seen.traffic, float(np.log1p(-strength)), spread)
            continue
        before = _density((seen.absent - strength) / (1.0 - strength), days, terms) / (1.0 - strength)
        shifted = _shifted(seen.traffic, -float(np.log1p(-strength)), spread)
        likely += before * shifted if spec.variant == "reader" else before
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.log(likely / STRENGTHS) - np.log(usual)
    if spec.variant != "copied":
        ratio[usual == 0.0] = np.inf
    ratio[seen.is_end | ~np.broadcast_to(seen.told, ratio.shape) | np.isnan(ratio)] = -np.inf
    return ratio


def _density(absent: Floats, days: _Days, terms: MessTerms) -> Floats:
    """Return the density of a share of absent pupils without a fault, 0 from the greatest draw on.

    That of Student's t (`Noise.heavy`) in the fourth root, up to a factor.
    """
    positive = absent.clip(1e-9)
    drawn = (positive**0.25 - days.mean**0.25) / terms.absence_day
    within = (absent > 0.0) & (drawn < OWN_MOST * (1 - 1e-9)) & (absent < ABSENT_MOST)
    likely = (OWN_DEGREES + drawn**2) ** (-(OWN_DEGREES + 1) / 2)
    return np.where(within, likely / positive**0.75, 0.0)


def _shifted(traffic: Floats, by: float, spread: float) -> Floats:
    """Return the likelihood of normal traffic that is shifted, over that of traffic that is not."""
    found: Floats = np.exp((traffic * by - by * by / 2) / spread**2)
    return found


def _root(seen: _Seen, days: _Days) -> Floats:
    return -absence_deviations(1.0 - seen.absent, np.broadcast_to(1.0 - days.mean, seen.absent.shape))


def render(found: Sequence[Ceiling], *, as_json: bool) -> str:
    """Return the ceilings as a table, or as JSON."""
    if as_json:
        return msgspec.json.format(msgspec.json.encode([one._asdict() for one in found]), indent=2).decode()
    heads = [f"{name} {budget:g}" for name in ("alone", "together", "root") for budget in BUDGETS]
    lines = [f"{'attendance-drop':<16}" + "".join(f"{head:>12}" for head in heads)]
    for one in found:
        shares = [*one.alone, *one.together, *(one.by_root or (None,) * len(BUDGETS))]
        cells = "".join(f"{'-' if share is None else format(share, '.3f'):>12}" for share in shares)
        lines.append(f"{one.kind:<16}{cells}")
    return "\n".join([*lines, "Best shares found at so many false alarms in 1,000 school-days."])
