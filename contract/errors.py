"""The one tree of exceptions: configuration, infrastructure and bugs.

Bad input is never an exception; it is a `contract.rejected.Rejected` value.
"""


class EduopsError(Exception):
    """Anything that stops a service; the message is a sentence a person can act on."""


class ConfigurationError(EduopsError):
    """A setting, catalogue, rule or fleet file is wrong; the message names the value and its place."""


class InfrastructureError(EduopsError):
    """A server that we depend on cannot be reached or refuses."""


class PositionMovedError(EduopsError):
    """Another owner committed this log's position; the loser must drop its state and read again."""


class SnapshotVersionError(EduopsError):
    """A snapshot was written by a version that this one cannot read; the message names both."""
