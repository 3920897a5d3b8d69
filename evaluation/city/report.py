"""Simulated beside recorded, as a table or as JSON."""

from collections.abc import Mapping

import msgspec

from evaluation.city.figures import RECORDED


def render(
    simulated: Mapping[str, Mapping[str, float]], recorded: Mapping[str, float], *, as_json: bool
) -> str:
    """Return the comparison.

    Args:
        simulated: figures by severity.
        recorded: figures of recorded data; those kept in the project if it is empty.
        as_json: JSON rather than a table.
    """
    real = recorded or {name: told.value for name, told in RECORDED.items()}
    if as_json:
        bounds = {name: (told.least, told.most) for name, told in RECORDED.items()}
        return msgspec.json.encode({"simulated": simulated, "recorded": real, "bounds": bounds}).decode()
    heads = "".join(f"{name:>12}" for name in simulated)
    lines = [f"{'figure':<52}{heads}{'recorded':>12}  within       source"]
    for name, told in RECORDED.items():
        cells = "".join(f"{figures[name]:>12.4g}" for figures in simulated.values())
        lines.append(
            f"{name:<52}{cells}{real[name]:>12.4g}  {f'{told.least:.3g}–{told.most:.3g}':<13}{told.source}"
        )
    source = "the files" if recorded else "the project: no folder of recorded data was given"
    return "\n".join([*lines, "", f"Recorded figures are from {source}."])
