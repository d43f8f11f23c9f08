"""Tables of evidence: the log and its tree, API keys, kept responses, and the notes of imports."""

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import ChangeKind
from app.store.tables.columns import big_integer, blob, code, instant, row_key, text


class Recording(SQLModel, table=True):
    """One recording: when something was recorded, and by whom. Its instant is later than those of earlier recordings.

    `log_size`, `log_root` and `log_peaks` are the size of the log after it, the root of its tree, and the peaks of the
    tree in their order.
    """

    key: int = row_key()
    recorded_at: int = instant(unique=True)
    recorded_by: str = text()
    log_size: int = big_integer()
    log_root: bytes = blob()
    log_peaks: bytes = blob()


class Change(SQLModel, table=True):
    """An entry of the log. `fact` is the key of the recorded row, in the table that `kind` names."""

    seq: int = Field(default=None, sa_column=Column("seq", Integer, primary_key=True, autoincrement=False))
    recorded_at: int = instant()
    kind: ChangeKind = code(ChangeKind, "kind")
    incident: str | None = text(default=None)
    fact: int = big_integer()
    hash: bytes = blob()


class LogNode(SQLModel, table=True):
    """A perfect subtree of the log's tree, above the leaves."""

    __tablename__ = "log_node"
    level: int = Field(sa_column=Column("level", Integer, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column("number", Integer, primary_key=True, autoincrement=False))
    hash: bytes = blob()


class Feed(SQLModel, table=True):
    """One row: the epoch of the log. Restoring a backup begins another epoch."""

    key: int = row_key()
    epoch: str = text()
    since: int = instant()


class ApiKey(SQLModel, table=True):
    """An API key, to write or to read confidential members. Only its hash is stored."""

    __tablename__ = "api_key"
    key: int = row_key()
    id: str = text(unique=True)
    name: str = text(unique=True)
    scopes: str = text()
    hash: bytes = blob()
    created_at: int = instant()
    expires_at: int | None = instant(default=None)
    revoked_at: int | None = instant(default=None)


class KeptAnswer(SQLModel, table=True):
    """The response to a POST with an `Idempotency-Key`, which the same POST gets again."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index(None, "recorded_at"),)
    api_key: str = Field(sa_column=Column("api_key", Text, primary_key=True))
    idempotency_key: str = Field(sa_column=Column("idempotency_key", Text, primary_key=True))
    request: bytes = blob()
    status: int
    headers: str = text()
    body: bytes = blob()
    recorded_at: int = instant()


class Listing(SQLModel, table=True):
    """A release of a data set that lists an incident, with or without changes to it.

    A note of imports, not part of the record. It shows which incidents a release no longer lists, and which figure a
    release repeats if an earlier release is loaded after it.
    """

    __table_args__ = (Index(None, "source", "incident"),)
    incident: int = Field(foreign_key="incident.key", primary_key=True)
    reporter: int = Field(foreign_key="reporter.key", primary_key=True)
    listed_at: int = Field(sa_column=Column("listed_at", BigInteger, primary_key=True, autoincrement=False))
    source: int = Field(foreign_key="source.key", primary_key=True)
    recorded_at: int = instant()


class ReleaseSpan(SQLModel, table=True):
    """The days that a release of a data set covers, for each country it lists. Rows are added, never changed.

    A note of imports, like `Listing`. A file may hold a part of a release, so a release drops an event of an earlier
    one only if it covers the event's country and day.
    """

    __tablename__ = "release_span"
    __table_args__ = (Index(None, "country", "reporter"),)
    source: int = Field(foreign_key="source.key", primary_key=True)
    country: str = Field(sa_type=Text, primary_key=True)
    recorded_at: int = Field(sa_column=Column("recorded_at", BigInteger, primary_key=True, autoincrement=False))
    reporter: int = Field(foreign_key="reporter.key")
    listed_at: int = instant()
    first_day: int
    last_day: int
