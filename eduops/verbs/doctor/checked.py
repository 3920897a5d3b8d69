"""What `eduops doctor` finds: one sentence about one thing."""

from typing import NamedTuple


class Checked(NamedTuple):
    """One thing that was looked at."""

    fine: bool
    sentence: str
    doubtful: bool = False
    """Fine for the program, and perhaps not what was meant."""

    @property
    def line(self) -> str:
        """The finding as the terminal shows it."""
        return f"{'WRONG' if not self.fine else 'check' if self.doubtful else 'ok   '} {self.sentence}"
