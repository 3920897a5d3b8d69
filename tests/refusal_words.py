"""What a refusal says in English, for tests that read it."""

from config.files import shipped_texts
from contract.rejected import Rejected, detail_words
from contract.texts import Language

TEXTS = shipped_texts()


def said(refused: Rejected) -> str:
    """Return the detail of a refusal as an English reader meets it."""
    return detail_words(refused.detail, TEXTS, Language.EN)
