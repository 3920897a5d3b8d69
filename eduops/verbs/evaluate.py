"""The verbs `eduops evaluate …`: how good detectors are, on labelled recordings and on simulated faults.

Each verb is a function of its own module; a new one is imported and registered here.
"""

from typing import Final

import typer

from eduops.verbs.evaluating.attendance import attendance
from eduops.verbs.evaluating.calendar import calendar
from eduops.verbs.evaluating.city import city
from eduops.verbs.evaluating.labelled import labelled
from eduops.verbs.evaluating.nab import nab
from eduops.verbs.evaluating.recorded import recorded
from eduops.verbs.evaluating.scenarios import scenarios
from eduops.verbs.evaluating.series import series

evaluate_app: Final = typer.Typer(
    help="Measure detectors against labels, with the same alert logic for all.", no_args_is_help=True
)
evaluate_app.command()(nab)
evaluate_app.command()(series)
evaluate_app.command()(scenarios)
evaluate_app.command()(city)
evaluate_app.command()(attendance)
evaluate_app.command()(calendar)
evaluate_app.command()(recorded)
evaluate_app.command()(labelled)
