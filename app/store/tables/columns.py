"""Kinds of columns, and how constraints are named. Imported before any table is declared."""

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Enum, Integer, LargeBinary, MetaData, Text
from sqlmodel import Field, SQLModel

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def code(values: type[StrEnum], name: str, nullable: bool = False) -> Any:
    """A code of a list, stored as text with a named constraint on both databases, never as a PostgreSQL enum type."""
    kind = Enum(values, native_enum=False, create_constraint=True, name=name, length=40, values_callable=lambda v: [*v])
    return Field(sa_column=Column(kind, nullable=nullable))


def instant(**options: Any) -> Any:
    """Microseconds since 1970 (`domain.dates.Instant`)."""
    return big_integer(**options)


def big_integer(**options: Any) -> Any:
    """A number of 64 bits: persons, or entries of the log."""
    return Field(sa_type=BigInteger, **options)


def text(**options: Any) -> Any:
    """Text of any length."""
    return Field(sa_type=Text, **options)


def blob() -> Any:
    """Bytes."""
    return Field(sa_type=LargeBinary)


def row_key() -> Any:
    """The primary key, which the writer assigns."""
    return Field(default=None, sa_column=Column("key", Integer, primary_key=True, autoincrement=False))
