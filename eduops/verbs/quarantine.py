"""`eduops quarantine`: what was refused, and why."""

from datetime import UTC, datetime

from config.files import load_configuration, shipped_texts
from contract.errors import ConfigurationError
from contract.privacy import shown_refusal
from contract.rejected import Reason, Rejected, detail_words
from contract.texts import Language, Texts
from eduops.connections import database_url
from eduops.data_folder import DataFolder
from eduops.settings import Settings
from storage.database import connect
from storage.wall import quarantine_counts, quarantine_page


async def list_quarantine(settings: Settings, limit: int, reason: str | None) -> str:
    """Return the counts by reason and the latest refusals, for a person.

    Raises:
        ConfigurationError: there is no such reason.
    """
    if reason is not None and reason not in list(Reason):
        raise ConfigurationError(f"--reason is {reason!r}; it must be one of {', '.join(Reason)}")
    catalogue = load_configuration(DataFolder(settings.data).config).catalogue
    async with await connect(database_url(settings)) as connection:
        counts = await quarantine_counts(connection)
        rows = await quarantine_page(connection, limit, None, Reason(reason) if reason else None)
    if not counts:
        return "the quarantine is empty"
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    lines, texts = [f"{count:>10,}  {why.value}" for why, count in ranked], shipped_texts()
    return "\n".join([*lines, "", *(_line(shown_refusal(row.rejected, catalogue), texts) for row in rows)])


def _line(refused: Rejected, texts: Texts) -> str:
    at = datetime.fromtimestamp(refused.at_us / 1e6, UTC)
    detail = detail_words(refused.detail, texts, Language.EN)
    return f"{at:%Y-%m-%d %H:%M:%S}Z  {refused.reason.value:<18} {refused.topic}  {detail}"
