"""Names as people type them in haste (pure)."""

import unicodedata


def plain_name(text: str) -> str:
    """Return a name in small letters without marks, its words apart by one blank; a hyphen is a blank.

    `Lê  Đình-Chinh` is `le dinh chinh`, composed (NFC) or decomposed (NFD), and so is what is plain already.
    """
    if text.isascii():  # codes, and what was typed plainly: most of what is compared
        return " ".join(text.lower().replace("-", " ").split())
    marked = unicodedata.normalize("NFD", text.casefold()).replace("đ", "d").replace("-", " ")
    return " ".join("".join(letter for letter in marked if not unicodedata.combining(letter)).split())
