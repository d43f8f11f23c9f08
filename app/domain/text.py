"""Names compared without regard to case, accents or punctuation, and the nearest of several names."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

_SINGLE_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
_NOT_A_WORD = re.compile(r"[\W_]+")
_ASCII_GAPS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
"""The same for text of ASCII alone, twice as fast."""


def fold(text: str) -> str:
    """Words in lower case without accents, joined by single spaces: "Ménaka  Région" is "menaka region"."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII_GAPS).split())
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_SINGLE_LETTERS)
    unaccented = "".join(c for c in plain if not unicodedata.combining(c))
    return _NOT_A_WORD.sub(" ", unaccented).strip()


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that is most like this one, or `None` where none is alike."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return found[0] if found else None


def check_text(text: str) -> str:
    """Raises `ValueError` for text that no database or file keeps: NUL and lone surrogates."""
    if "\x00" in text:
        raise ValueError("has a NUL character in it")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("has a lone surrogate in it, which is not a character") from None
    return text
