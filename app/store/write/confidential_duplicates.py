"""Recognizes confidential reporters, sources and reports that are recorded already under a random id.

An id derived from the content would let anybody test a guess. Confidential records therefore get random ids and are
compared by content, but only for readers of confidential data: to others, "already recorded" would confirm a guess.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, literal_column, select

from app.domain.dates import parse_moment
from app.errors import FieldError, InvalidInput
from app.store.log import redaction
from app.store.tables import IncidentSet, Reporter, Secret, Source, TollReport, table_of
from app.store.write.appender import Appender

Model = type[Reporter] | type[Source]
_NOT_CONTENT = ("id", "recorded_at", "commitment")
NEEDS_ID = (
    "is missing. Without the scope read:confidential, a confidential record is recognized only by its id when the file "
    "is imported again. Add an id"
)
_report, _secret = table_of(TollReport).c, table_of(Secret).c
_REPORTS = (
    select(_report.id, _report.record)
    .where(_report.incident_set == bindparam("incident_set"), _report.reported_at == bindparam("reported_at"))
    .order_by(_report.key)
)


def _confidential(model: Model) -> Select[Any]:
    """(id, public record, secret members) of all confidential reporters or sources, oldest first."""
    table, prefix = table_of(model), redaction.subject(str(model.__tablename__), "")
    built: Select[Any] = (
        select(table.c.id, table.c.record, _secret.record)
        .join_from(table, table_of(Secret), _secret.subject == literal_column(f"'{prefix}'") + table.c.id)
        .order_by(table.c.key)
    )
    return built


_CONFIDENTIAL: dict[Model, Select[Any]] = {model: _confidential(model) for model in (Reporter, Source)}


class ConfidentialDuplicates:
    """Compares with stored records and with those of this transaction."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._known: dict[Model, dict[bytes, str]] = {}
        self._reports: dict[bytes, str] = {}

    def find(self, model: Model, record: Mapping[str, Any]) -> str | None:
        """The random id of a reporter or source with the same content."""
        return self._ids_of(model).get(_content(record))

    def note(self, model: Model, record: Mapping[str, Any]) -> None:
        """Remembers a reporter or source of this transaction, before redaction."""
        if model in self._known and _is_random(model, record["id"]):
            self._appender.set_item(self._known[model], _content(record), record["id"])

    def find_report(self, record: Mapping[str, Any], can_read_confidential: bool) -> str | None:
        """The id of a report with the same content and incidents. Raises `InvalidInput` without the right to read."""
        if not can_read_confidential:
            raise InvalidInput([FieldError("id", NEEDS_ID, where="body")])
        content = _content(record)
        if noted := self._reports.get(content):
            return noted
        incidents = self._appender.find(IncidentSet, orjson.dumps(record["incidents"]).decode())
        if incidents is None:
            return None
        values = {"incident_set": incidents["key"], "reported_at": parse_moment(record["reported_on"]).instant}
        for report_id, text in self._appender.transaction.rows(_REPORTS, values):
            if _content(orjson.loads(text) | self._secret_of(report_id)) == content:
                return str(report_id)
        return None

    def note_report(self, record: Mapping[str, Any]) -> None:
        """Remembers a report of this transaction, before redaction."""
        self._appender.set_item(self._reports, _content(record), record["id"])

    def _ids_of(self, model: Model) -> dict[bytes, str]:
        """Random ids by content, read once in a transaction and only where needed."""
        if model not in self._known:
            known: dict[bytes, str] = {}
            for record_id, public, secret in self._appender.transaction.rows(_CONFIDENTIAL[model]):
                if _is_random(model, record_id):
                    known.setdefault(_content(orjson.loads(public) | orjson.loads(secret)), record_id)
            self._known[model] = known
        return self._known[model]

    def _secret_of(self, report_id: str) -> dict[str, Any]:
        secret = self._appender.find(Secret, redaction.subject("toll_report", report_id))
        return orjson.loads(secret["record"]) if secret else {}


def _is_random(model: Model, record_id: str) -> bool:
    """Whether an id was generated at random. A chosen id may stand for another person of the same name."""
    return re.fullmatch(rf"{model.__tablename__}-[0-9a-f]{{16}}", record_id) is not None


def _content(record: Mapping[str, Any]) -> bytes:
    content = {name: value for name, value in record.items() if name not in _NOT_CONTENT}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
