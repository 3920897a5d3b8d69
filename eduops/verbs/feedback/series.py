"""The readings behind labels, a CSV file a series, as `eduops evaluate series` reads them."""

import csv
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from config.files import load_configuration
from contract.catalogue import Metric
from contract.errors import ConfigurationError
from contract.fleet import School
from contract.privacy import is_published, shown_history
from contract.series import series_of
from eduops.connections import database_url, saved_fleet
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from evaluation.detectors.series_file import iso_of
from evaluation.feedback.label_file import AlertLabel
from storage.database import connect
from storage.wall import SeriesHistory, series_history


async def export_series(settings: Settings, labels: Iterable[AlertLabel], folder: Path) -> int:
    """Write the single readings that the database still has of each labelled series; return how many series.

    A file is `SCHOOL.DEVICE.METRIC.csv` with the columns `time` and `value`. Values are those that pages
    may show of a single school; readings that they may not show have no row, such series no file.

    Raises:
        ConfigurationError: the folder cannot be written to.
        EduopsError: the database is out of reach.
    """
    catalogue = load_configuration(DataFolder(settings.data).config).catalogue
    fleet = await saved_fleet(settings)
    now_us = settings.clock.log_us(time.time_ns() // 1000)
    wanted = {label.series: label for label in labels}
    written = 0
    async with await connect(database_url(settings)) as connection:
        for name, label in wanted.items():
            metric, school = catalogue.named(label.metric), fleet.school_by_code[label.school]
            if not is_published(metric, school.pupils):
                continue
            device = fleet.device_by_path[(label.school, label.device)]
            history = await series_history(connection, [series_of(device.id, metric.id)], 0, now_us)
            _write(folder / f"{name}.csv", metric, school, history)
            written += 1
    return written


def _write(path: Path, metric: Metric, school: School, history: SeriesHistory) -> None:
    value = shown_history(metric, school.pupils, history.mean, history.min, history.max).mean
    told = ~np.isnan(value)
    rows = zip(map(iso_of, history.time_us[told].tolist()), value[told].tolist(), strict=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("time", "value"), *rows])
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error
