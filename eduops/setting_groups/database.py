"""The settings of the database; part of `eduops.settings`, which alone reads them."""

from pathlib import Path

from pydantic import BaseModel, Field


class DatabaseSettings(BaseModel):
    """Where PostgreSQL is, as whom it is spoken to, and how long it keeps raw readings."""

    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL connection string; none starts the embedded PostgreSQL."
    )
    database_password: str | None = Field(
        None, repr=False, description="Password for `database_url`; none is the one that it has, if any."
    )
    database_owner_url: str | None = Field(
        None,
        repr=False,
        description=(
            "Connection string of the role that owns the tables, for `prepare`, `up`, `migrate`, `backup` "
            "and `restore`; none is `database_url`."
        ),
    )
    database_passwords_dir: Path | None = Field(
        None,
        description=(
            "Folder with a file for each role of the services, such as `eduops_ingest`, that holds its "
            "password: `prepare` and `up` make these roles, and services of `up` connect as them."
        ),
    )
    chunk_h: float = Field(
        6, gt=0, le=168, description="Hours of readings in a partition or chunk of the table, above 0 to 168."
    )
    raw_retention_h: float = Field(
        50, ge=49, le=87600, description="Hours that raw readings are kept, 49 to 87600; rollups stay longer."
    )
