"""Alembic's environment. The transaction is the caller's, so that several processes migrate one after the other."""

from alembic import context
from sqlmodel import SQLModel

from app.store import tables  # noqa: F401  (registers the tables)
from app.store.db.database import Database

SEARCH_TABLES = ("incident_text", "incident_box")


def include_name(name: str | None, type_: str, _: object) -> bool:
    """SQLite's search tables, and the tables that they keep for themselves, are not in the metadata."""
    return not (type_ == "table" and name and name.startswith(SEARCH_TABLES))


def run() -> None:
    """Migrates on the connection that was handed over, or on one of its own."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        url = context.config.get_main_option("sqlalchemy.url") or "sqlite:///incidents.db"
        with Database(url).engine.begin() as own:
            migrate(own)
    else:
        migrate(connection)


def migrate(connection: object) -> None:
    """Runs the migrations without a transaction of their own."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=include_name,
        transactional_ddl=False,
    )
    context.run_migrations()


run()
