"""Names are compared by their words, whatever their spelling."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.text import fold


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_text_is_folded_like_other_text(text: str) -> None:
    assert fold(f"{text} é") == f"{fold(text)} e".strip()
