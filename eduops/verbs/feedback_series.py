"""The readings behind labels, a CSV file a series, as `eduops evaluate series` reads them."""

import csv
import time
from collections.abc import Iterable
from pathlib import Path

from config.files import load_configuration
from contract.errors import ConfigurationError
from contract.privacy import cap_values, is_published
from contract.series import series_of
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from eduops.wiring import database_url, saved_fleet
from evaluation.detectors.series_file import iso_of
from evaluation.feedback.label_file import AlertLabel
from storage.database import connect
from storage.wall import SeriesHistory, series_history


async def export_series(settings: Settings, labels: Iterable[AlertLabel], folder: Path) -> int:
    """Write the single readings that the database still has of each labelled series; return how many series.

    A file is `SCHOOL.DEVICE.METRIC.csv` with the columns `time` and `value`. Values are those that pages
    may show of a single school; series that they may not show have no file.

    Raises:
        ConfigurationError: the folder cannot be written to.
        EduopsError: the database is out of reach.
    """
    catalogue = load_configuration(DataFolder(settings.data).config).catalogue
    fleet = await saved_fleet(settings)
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    wanted = {label.series: label for label in labels if is_published(label.metric)}
    async with await connect(database_url(settings)) as connection:
        for name, label in wanted.items():
            device = fleet.device_by_path[(label.school, label.device)]
            series = series_of(device.id, catalogue.named(label.metric).id)
            history = await series_history(connection, [series], 0, now_us)
            _write(folder / f"{name}.csv", label.metric, history)
    return len(wanted)


def _write(path: Path, metric_name: str, history: SeriesHistory) -> None:
    values = cap_values(metric_name, history.mean)
    rows = zip(map(iso_of, history.time_us.tolist()), values.tolist(), strict=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("time", "value"), *rows])
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error
