"""Options that many verbs of the command line have."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="the user's data folder")
]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file of settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
