"""HTML attributes whose names Python cannot write."""

from typing import Any


def attributes(**named: str) -> dict[str, Any]:
    """Return `data_page="wall"` as `{"data-page": "wall"}`, to be passed to a Dash component."""
    return {name.replace("_", "-"): value for name, value in named.items()}
