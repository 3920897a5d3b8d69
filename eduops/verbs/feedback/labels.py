"""The labels of a running system: what engineers said of the alerts in its database."""

from collections.abc import Iterable, Iterator

from config.files import load_configuration
from contract.catalogue import Catalogue
from contract.fleet import Fleet
from eduops.connections import database_url, saved_fleet
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from evaluation.feedback.label_file import AlertLabel, LabelKind
from storage.database import connect
from storage.feedback import JudgedAlert, judged_alerts


async def collect_labels(settings: Settings) -> list[AlertLabel]:
    """Return what engineers said of the alerts that the database of the settings still has.

    Raises:
        EduopsError: the database is not configured or out of reach, or has no fleet.
    """
    catalogue = load_configuration(DataFolder(settings.data).config).catalogue
    fleet = await saved_fleet(settings)
    async with await connect(database_url(settings)) as connection:
        return list(labels_of(await judged_alerts(connection), fleet, catalogue))


def labels_of(judged: Iterable[JudgedAlert], fleet: Fleet, catalogue: Catalogue) -> Iterator[AlertLabel]:
    """Yield the labels of alerts; those about the center itself or what left the fleet have none."""
    for alert in judged:
        school = fleet.school_by_id.get(alert.school_id)
        device = fleet.device_of(alert.series)
        metric = catalogue.of_series(alert.series)
        if school is None or device is None or metric is None:
            continue
        is_problem = alert.because is None
        yield AlertLabel(
            rule=alert.rule,
            school=school.code,
            device=device.code,
            metric=metric.name,
            from_us=alert.opened_at_us,
            to_us=alert.resolved_at_us,
            kind=LabelKind.PROBLEM if is_problem else LabelKind.NOT_A_PROBLEM,
            because=alert.because or "",
            actor=alert.actor,
        )
