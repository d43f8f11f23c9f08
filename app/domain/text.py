"""Comparison of names without regard to case, accents or punctuation, and the nearest of several names."""

import difflib
import heapq
import re
import unicodedata
from collections.abc import Callable, Iterable

_SINGLE_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
_NOT_A_WORD = re.compile(r"[\W_]+")
_ASCII_GAPS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
"""The same for ASCII text, twice as fast."""

MAX_COMPARED_LENGTH = 100
"""Characters of a name that are compared with others."""
MAX_COMPARED = 300
"""The number of likeliest names that one is compared with: some milliseconds."""


def fold(text: str) -> str:
    """Words in lower case without accents, joined by single spaces: "Ménaka  Région" is "menaka region"."""
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII_GAPS).split())
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_SINGLE_LETTERS)
    unaccented = "".join(c for c in plain if not unicodedata.combining(c))
    return _NOT_A_WORD.sub(" ", unaccented).strip()


class Misspelt(ValueError):
    """An unknown name. The text of the error also names the nearest one, which is slow; `plain` does not."""

    def __init__(self, plain: str, hint: Callable[[], str]) -> None:
        super().__init__(plain)
        self.plain = plain
        self._hint = hint

    def __str__(self) -> str:
        return f"{self.plain}{self._hint()}"


class Names:
    """Names among which the nearest one is found: the one with the greatest `difflib` ratio.

    Ratios are slow. The lengths of two names and the characters of only one of them give an upper bound: the likeliest
    names are compared first, until no other can be nearer.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_length: dict[int, list[tuple[str, int]]] = {}
        for name in dict.fromkeys(names):
            self._by_length.setdefault(len(name), []).append((name, _characters(name)))

    def nearest(self, name: str, cutoff: float = 0.6) -> str | None:
        """The name nearest to this one; `None` where none is similar. At most `MAX_COMPARED` are compared."""
        name = name[:MAX_COMPARED_LENGTH]
        best: tuple[float, str] | None = None
        matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher()
        matcher.set_seq2(name)
        for bound, other in self._likeliest(name, cutoff):
            least = best[0] if best else cutoff
            if bound < least:
                break
            matcher.set_seq1(other)
            if matcher.quick_ratio() >= least:
                found = (matcher.ratio(), other)
                if found[0] >= least and (best is None or found > best):
                    best = found
        return best[1] if best else None

    def _likeliest(self, name: str, cutoff: float) -> list[tuple[float, str]]:
        """(the greatest possible ratio, name), the greatest first."""
        length, characters = len(name), _characters(name)
        found = []
        for other_length, others in self._by_length.items():
            both = length + other_length
            if 2 * min(length, other_length) < cutoff * both:
                continue
            for other, other_characters in others:
                shared = min(
                    length - (characters & ~other_characters).bit_count(),
                    other_length - (other_characters & ~characters).bit_count(),
                )
                if 2 * shared >= cutoff * both:
                    found.append((2 * shared / both, other))
        return heapq.nlargest(MAX_COMPARED, found)


def _characters(name: str) -> int:
    """The characters of a name as a bit set, in which characters may share a bit."""
    bits = 0
    for character in name:
        bits |= 1 << (ord(character) & 63)
    return bits


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The nearest of a few names; `None` where none is similar."""
    return Names(names).nearest(name, cutoff)


def check_text(text: str) -> str:
    """Raises `ValueError` for characters that databases or files cannot store: NUL and lone surrogates."""
    if "\x00" in text:
        raise ValueError("has a NUL character in it")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("has a lone surrogate in it, which is not a character") from None
    return text
