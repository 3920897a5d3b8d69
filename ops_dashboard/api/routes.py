"""The HTTP interface: what pages and programs read, and what operators do."""

from fastapi import APIRouter

from ops_dashboard.api.alertmanager.reading import add_alertmanager
from ops_dashboard.api.alertmanager.reports import add_alertmanager_reports
from ops_dashboard.api.alertmanager.silences import add_alertmanager_silences
from ops_dashboard.api.alerts import add_alerts, add_deeds
from ops_dashboard.api.cap import add_cap
from ops_dashboard.api.center import add_fleet, add_quarantine, add_status
from ops_dashboard.api.day import add_day
from ops_dashboard.api.desk.find import add_find
from ops_dashboard.api.desk.list_tables import add_list_tables
from ops_dashboard.api.desk.member_charts import add_member_charts
from ops_dashboard.api.desk.school_charts import add_school_charts
from ops_dashboard.api.desk.sheets import add_sheets
from ops_dashboard.api.histories import add_histories
from ops_dashboard.api.incident_actions import add_incident_actions
from ops_dashboard.api.incidents import add_incidents
from ops_dashboard.api.leadership import add_leadership
from ops_dashboard.api.notices import add_notices
from ops_dashboard.api.oncall import add_oncall, add_swap_actions
from ops_dashboard.api.provision import add_provision
from ops_dashboard.api.response import add_response
from ops_dashboard.api.silences.actions import add_silence_actions
from ops_dashboard.api.silences.imports import add_silence_imports
from ops_dashboard.api.silences.reading import add_silences
from ops_dashboard.past.wall import add_wall
from ops_dashboard.services import Services
from ops_dashboard.special_days.routes import add_special_days


def add_api(router: APIRouter, services: Services) -> None:
    """Add `/api/…` and `/healthz` to the application's router: one within it would build each route anew."""
    add_fleet(router, services)
    add_list_tables(router, services)
    add_alerts(router, services)
    add_deeds(router, services)
    add_incidents(router, services)
    add_incident_actions(router, services)
    add_notices(router, services)
    add_oncall(router, services)
    add_swap_actions(router, services)
    add_silences(router, services)
    add_special_days(router, services)
    add_response(router, services)
    add_leadership(router, services)
    add_silence_actions(router, services)
    add_silence_imports(router, services)
    add_alertmanager(router, services)
    add_alertmanager_silences(router, services)
    add_alertmanager_reports(router, services)
    add_cap(router, services)
    add_histories(router, services)
    add_find(router, services)
    add_sheets(router, services)
    add_school_charts(router, services)
    add_member_charts(router, services)
    add_day(router, services)
    add_wall(router, services)
    add_quarantine(router, services)
    add_status(router, services)
    add_provision(router, services)
