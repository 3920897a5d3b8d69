"""A city of schools that could be: deterministic in its seed, exact in the city's published sums."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from config.fleet_csv import STANDARD_DEVICES, Areas
from contract.errors import ConfigurationError
from contract.fleet import LEVELS, Device, Fleet, Level, School
from device_simulator.areas import load_areas
from device_simulator.world.names import names_of

CITY_SCHOOLS: Final = 3541
"""Schools of Ho Chi Minh City in 2026. Source: the city's education department, after the merger."""
CITY_PUPILS: Final[Mapping[Level, int]] = {
    Level.PRESCHOOL: 478_458,
    Level.PRIMARY: 939_002,
    Level.LOWER_SECONDARY: 759_278,
    Level.UPPER_SECONDARY: 352_051,
}
"""Pupils by level, 2,528,789 in all. Source: as `CITY_SCHOOLS`."""
_LEVEL_SCHOOLS: Final[Mapping[Level, int]] = {
    Level.PRESCHOOL: 1480,
    Level.PRIMARY: 1020,
    Level.LOWER_SECONDARY: 770,
    Level.UPPER_SECONDARY: 271,
}
"""How many of the 3,541 schools are of each level: chosen so that mean sizes are 323, 921, 986 and
1,299 pupils, plausible beside the size limits of Circulars 52/2020 and 32/2020/TT-BGDĐT."""
_SIZE_SIGMA: Final = 0.35
"""Spread of the logarithm of school sizes within a level: chosen, two thirds lie within a factor 1.4."""
_ISP_SHARE: Final[Mapping[str, float]] = {"VNPT": 0.38, "Viettel": 0.35, "FPT": 0.21, "CMC": 0.06}
"""Schools by provider, city-wide: chosen after the order of size of fixed broadband providers."""
_ISP_CONCENTRATION: Final = 5.0
"""Concentration of the Dirichlet draw of a ward's shares: small, so that wards lean to one provider."""
_PLANS_MBPS: Final = np.array([60.0, 100.0, 150.0, 200.0, 300.0, 400.0, 500.0, 700.0, 1000.0, 2000.0])
"""Line speeds on sale, Mbit/s: chosen after the providers' published business plans."""
_NEED_BPS: Final = np.array([110_000.0, 100_000.0, 120_000.0, 140_000.0])
"""Contracted bit/s a pupil that schools aim at, by level: twice and more the 50 kbit/s a pupil of
the UN/ITU 2030 target, so that a usual school day leaves headroom."""


def generate_fleet(schools: int = CITY_SCHOOLS, seed: int = 79, areas: Areas | None = None) -> Fleet:
    """Return a fleet of `schools` schools; the same arguments give the same fleet.

    With 3,541 schools the pupils of each level add up to the city's published numbers; other
    numbers keep the mean sizes.

    Args:
        schools: 1 to 500,000.
        seed: Chooses names, sizes, providers and contracts.
        areas: Wards to spread the schools over; the installed `config/areas.csv` if None.

    Raises:
        ConfigurationError: `schools` is out of range.
    """
    if not 1 <= schools <= 500_000:
        raise ConfigurationError(f"A fleet has 1 to 500,000 schools, not {schools}")
    areas = areas or load_areas()
    rng = np.random.default_rng(seed)
    level = _levels(schools)
    ward = _wards(level, areas, rng)
    order = np.lexsort((level, ward))
    level, ward = level[order], ward[order]
    pupils = _pupils(level, rng)
    down_mbps, up_mbps = _contracts(level, pupils, rng)
    isps = _isps(ward, len(areas.wards), rng)
    names = _names(level, ward, rng)
    codes = _codes(ward, areas)
    built = tuple(
        School(
            i + 1,
            codes[i],
            names[i],
            LEVELS[level[i]],
            areas.wards[ward[i]].code,
            int(pupils[i]),
            isps[i],
            float(down_mbps[i]) * 1e6,
            float(up_mbps[i]) * 1e6,
        )
        for i in range(schools)
    )
    devices = tuple(
        Device((s.id - 1) * len(STANDARD_DEVICES) + k + 1, s.id, code, kind)
        for s in built
        for k, (code, kind) in enumerate(STANDARD_DEVICES)
    )
    return Fleet("79", areas.clusters, areas.wards, built, devices)


def _levels(schools: int) -> NDArray[np.int8]:
    """Return the level index of each school in blocks, by largest remainder, shape (schools,)."""
    exact = np.array([_LEVEL_SCHOOLS[level] for level in LEVELS]) * schools / CITY_SCHOOLS
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: schools - counts.sum()]:
        counts[i] += 1
    return np.repeat(np.arange(len(LEVELS), dtype=np.int8), counts)


def _wards(level: NDArray[np.int8], areas: Areas, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the ward position of each school: by inhabitants, every level spread over the whole city."""
    weight = np.array([max(1, areas.inhabitants.get(w.code, 1)) for w in areas.wards], float)
    edges = np.cumsum(weight) / weight.sum()
    ward = np.empty(len(level), np.intp)
    for i in range(len(LEVELS)):
        mine = np.flatnonzero(level == i)
        # Systematic sampling: a ward of 2 % of the people gets 2 % of the schools, give or take one.
        points = (np.arange(len(mine)) + rng.random()) / max(1, len(mine))
        ward[mine] = np.searchsorted(edges, points).clip(0, len(edges) - 1)
    return ward


def _pupils(level: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return pupils by school; each level adds up to its mean size times its schools, shape (n,)."""
    pupils = np.empty(len(level), np.int64)
    for i, name in enumerate(LEVELS):
        mine = np.flatnonzero(level == i)
        if not len(mine):
            continue
        total = round(CITY_PUPILS[name] / _LEVEL_SCHOOLS[name] * len(mine))
        size = np.exp(rng.normal(0.0, _SIZE_SIGMA, len(mine)).clip(-2.2 * _SIZE_SIGMA, 2.2 * _SIZE_SIGMA))
        exact = size / size.sum() * total
        whole = np.floor(exact).astype(np.int64)
        short = int(total - whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
        pupils[mine] = whole
    return pupils


def _contracts(
    level: NDArray[np.int8], pupils: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return contracted download and upload in Mbit/s by school: the next plan above the need."""
    need = pupils * _NEED_BPS[level] / 1e6 * rng.uniform(0.9, 1.6, len(level))
    plan = np.searchsorted(_PLANS_MBPS, need).clip(0, len(_PLANS_MBPS) - 1)
    down = _PLANS_MBPS[plan]
    return down, np.where(rng.random(len(level)) < 0.7, down, down / 2)


def _isps(ward: NDArray[np.intp], wards: int, rng: np.random.Generator) -> list[str]:
    """Return each school's provider; schools of a ward lean to the same ones."""
    names = list(_ISP_SHARE)
    share = np.array(list(_ISP_SHARE.values()))
    edges = np.cumsum(rng.dirichlet(share * _ISP_CONCENTRATION, wards), axis=1)
    drawn = (rng.random(len(ward))[:, None] > edges[ward]).sum(axis=1).clip(0, len(names) - 1)
    return [names[i] for i in drawn]


def _names(level: NDArray[np.int8], ward: NDArray[np.intp], rng: np.random.Generator) -> list[str]:
    """Return names, unique within a ward; a ward that used up all names of a level numbers them on."""
    names = [names_of(level_name) for level_name in LEVELS]
    offset = rng.integers(0, 1 << 30, (int(ward.max()) + 1, len(LEVELS)))
    # A stride prime to every list's length walks through all of its names before one comes again.
    taken: dict[tuple[int, int], int] = {}
    found: list[str] = []
    for w, i in zip(ward.tolist(), level.tolist(), strict=True):
        nth = taken.get((w, i), 0)
        taken[w, i] = nth + 1
        words = names[i]
        name = words[(int(offset[w, i]) + nth * 41) % len(words)]
        round_ = nth // len(words)
        found.append(name if round_ == 0 else f"{name} {round_ + 1}")
    return found


def _codes(ward: NDArray[np.intp], areas: Areas) -> list[str]:
    """Return school codes: `79`, the cluster's two digits, four digits counted within the cluster."""
    count: dict[str, int] = {}
    codes: list[str] = []
    for w in ward.tolist():
        cluster = areas.wards[w].cluster_code
        count[cluster] = count.get(cluster, 0) + 1
        codes.append(f"79{cluster}{count[cluster]:04d}")
    return codes
