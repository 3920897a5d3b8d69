"""What is wrong with something about people that somebody wants (pure)."""

from enum import StrEnum

from contract.errors import ConfigurationError


class AccessFault(StrEnum):
    """Why it is refused; each has a text `error.…` in texts.toml."""

    NAME = "name_invalid"
    NAME_TAKEN = "name_taken"
    NO_AREA = "no_area"
    UNKNOWN_AREA = "unknown_area"
    ROLE_OF_SCHOOL = "role_of_school"
    ROLE_OF_CITY = "role_of_city"
    LAST_ADMINISTRATOR = "last_administrator"
    NO_ROLE = "no_role"
    SCREEN_TAKEN = "screen_taken"
    NO_SCOPE = "no_scope"
    NO_DAYS = "no_days"
    TOKEN_TAKEN = "token_taken"
    UNKNOWN_CODE = "unknown_code"
    UNKNOWN_USER = "unknown_user"
    PASSWORD_SHORT = "password_short"
    PASSWORD_LIKE_NAME = "password_like_name"
    PASSWORD_WRONG = "password_wrong"
    CODE_WRONG = "code_wrong"
    DISABLED = "account_disabled"
    CITY_ACCOUNT = "city_account"
    """Password, link and second factor are the city's."""


class AccessError(ConfigurationError):
    """Something about people that cannot be; the message is for the command line, the fault for pages."""

    def __init__(self, fault: AccessFault, message: str, **values: object) -> None:
        super().__init__(message)
        self.fault = fault
        self.values = values
