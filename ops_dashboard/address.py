"""The one component of our own: it tells Dash the address, in place of the core components' `Location`.

Those are 113 kB that a wall needs for nothing else. Names of Dash's base class: docs/decisions/0019.
"""

from typing import Any

from dash.development.base_component import Component


class Address(Component):
    """The address of the page; its script, `assets/js/address.js`, sets `pathname` and `search` once."""

    _namespace = "eduops"
    _type = "Address"
    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes: list[str] = ["children"]  # noqa: RUF012

    def __init__(self, id: str, **properties: Any) -> None:
        self._prop_names = ["id", "pathname", "search"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        super().__init__(id=id, **properties)  # type: ignore[no-untyped-call]
