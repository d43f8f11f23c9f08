"""The cache of compiled SQL holds short texts, and no more than a number of them."""

from sqlalchemy import Select, literal_column, select

from app.store.db import sql_text


def _columns(count: int) -> Select[tuple[str]]:
    return select(*(literal_column(f"'{n}'").label(f"column_{n}") for n in range(count)))


def test_a_text_is_compiled_once() -> None:
    first = sql_text.sql_of(_columns, 3)
    hits = sql_text._cached.cache_info().hits
    assert sql_text.sql_of(_columns, 3) is first
    assert sql_text._cached.cache_info().hits == hits + 1


def test_a_long_text_is_not_kept() -> None:
    kept = sql_text._cached.cache_info().currsize
    text = sql_text.sql_of(_columns, sql_text.MAX_TEXT)
    assert len(text) > sql_text.MAX_TEXT
    assert sql_text.sql_of(_columns, sql_text.MAX_TEXT) == text
    assert sql_text._cached.cache_info().currsize == kept
