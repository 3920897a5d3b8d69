"""What a route may use for whoever asks: everything, or what lies in their area."""

from dataclasses import replace
from typing import cast

from contract.access.area import Area
from contract.access.decision import may
from contract.access.permission import Permission
from contract.access.user import folded_name, is_plain
from contract.alert import FOLD_ACTOR
from contract.errors import EduopsError
from ops_dashboard.access.asking import asking
from ops_dashboard.access.register import Bearer
from ops_dashboard.api.answers import Refusal
from ops_dashboard.archive import Archive
from ops_dashboard.area_archive import AreaArchive
from ops_dashboard.services import Services


def own(services: Services) -> Services:
    """Return the services as they are for whoever asks."""
    area = asking_area()
    if area.is_city:
        return services
    feed = services.hub.feed(area)
    assert feed.narrowing is not None
    archive = cast(Archive, AreaArchive(services.archive, feed.narrowing))  # what it lacks fails
    return replace(services, fleet=feed.narrowing.fleet, board=feed.board, archive=archive)


def is_by_person() -> bool:
    """Return whether a person asks, not a program."""
    bearer = asking()
    return bearer is not None and bearer.principal.is_person


def denials(*wanted: Permission) -> dict[str, str]:
    """Return why whoever asks may not do something, by permission; what may be done is left out."""
    bearer = asking()
    who = None if bearer is None else bearer.principal
    return {what.value: denied.value for what in wanted if (denied := may(who, what)) is not None}


def who_acts(said: str | None) -> str:
    """Return under which name a deed is kept: a person's own; a program says for whom it acts.

    Raises:
        Refusal: it does not, not all of the name can be seen, or it is the center's own.
    """
    bearer = asking()
    if bearer is not None and is_by_person():
        return bearer.principal.name
    if not said or not is_plain(said) or folded_name(said) == FOLD_ACTOR:
        raise Refusal(422, "bad_request", detail="actor")
    return said


def asking_name() -> str:
    """Return the name of whoever asks.

    Raises:
        EduopsError: nobody knows who.
    """
    return _bearer().principal.name


def asking_area() -> Area:
    """Return the area of whoever asks.

    Raises:
        EduopsError: nobody knows who: what is not opened is closed.
    """
    return _bearer().principal.area


def _bearer() -> Bearer:
    bearer = asking()
    if bearer is None:
        raise EduopsError("nobody asks for this")
    return bearer
