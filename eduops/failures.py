"""Which failures are expected, and the sentence that each is told in; anything else is a bug."""

from collections.abc import Iterator

from contract.errors import EduopsError


def sentences(error: BaseException) -> list[str] | None:
    """Return what a person is told of a failure, each sentence once; None if any part of it is a bug.

    Beside our own errors these are what the machine refuses (a full disk, a folder that cannot be written,
    a port that is taken) and what a database of another shape answers.
    """
    found = [_sentence(leaf) for leaf in _leaves(error)]
    told = [sentence for sentence in found if sentence is not None]
    return list(dict.fromkeys(told)) if len(told) == len(found) else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _leaves(one)


def _sentence(error: BaseException) -> str | None:
    if isinstance(error, EduopsError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return _of_database(error)


def _of_database(error: BaseException) -> str | None:
    import psycopg  # not before something failed: most verbs that fail never needed it

    if not isinstance(error, psycopg.OperationalError | psycopg.ProgrammingError):
        return None
    said = (str(error).strip().splitlines() or ["no answer"])[0]
    if error.sqlstate in ("42P01", "42703"):  # undefined table, undefined column
        return f"the database is of another version ({said}): `eduops migrate` brings it to this one"
    return f"PostgreSQL refuses: {said}"
