"""The process of the command line, `eduops` and `python -m eduops`: what Python does at its start and end."""

import gc
from typing import Final

COLLECT_AFTER: Final = 50_000
"""Objects made before the collector looks: a start makes hundreds of thousands that stay, as modules do."""


def run() -> None:
    """Run the command line, and end without looking through all that is left."""
    gc.set_threshold(COLLECT_AFTER)
    from eduops.cli import main  # what it imports is made under that threshold

    try:
        main()
    finally:
        gc.freeze()  # the rest goes with the process; looking through it takes up to a second


if __name__ == "__main__":
    run()
