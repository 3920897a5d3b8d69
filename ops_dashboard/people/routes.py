"""The addresses of people's pages."""

from fastapi import APIRouter

from ops_dashboard.people.account import add_account
from ops_dashboard.people.audit import add_audit_pages
from ops_dashboard.people.city.back_channel import add_back_channel
from ops_dashboard.people.city.sign_in import add_city_sign_in
from ops_dashboard.people.codes import add_codes
from ops_dashboard.people.office import PeopleOffice
from ops_dashboard.people.screens import add_screens
from ops_dashboard.people.sign_in import add_links, add_sign_in
from ops_dashboard.people.tokens import add_tokens
from ops_dashboard.people.users import add_users


def add_people(router: APIRouter, office: PeopleOffice) -> None:
    """Add signing in, accounts, users, screens, tokens and the record."""
    add_sign_in(router, office)
    add_links(router, office)
    add_city_sign_in(router, office)
    add_back_channel(router, office)
    add_account(router, office)
    add_codes(router, office)
    add_users(router, office)
    add_screens(router, office)
    add_tokens(router, office)
    add_audit_pages(router, office)
