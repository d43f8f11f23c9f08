"""Whether the very same confidential reporter, source or report is recorded already, under an id that tells nothing.

An id made of what a record says would let everybody try a guess. So such records get random ids, and are recognized by
their content: only for those who may read it, since to others a "recorded already" would confirm a guess as well.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, literal_column, select

from app.domain.dates import parse_moment
from app.errors import FieldError, InvalidInput
from app.store.log import sealing
from app.store.tables import IncidentSet, Reporter, Secret, Source, TollReport, table_of
from app.store.write.appender import Appender

_NOT_CONTENT = ("id", "recorded_at", "commitment")
NEEDS_ID = (
    "is missing, and it is confidential: without the scope read:confidential it can be recognized by an id alone when "
    "the file is imported again. Give it an id"
)
_report, _secret = table_of(TollReport).c, table_of(Secret).c
_REPORTS = (
    select(_report.id, _report.record)
    .where(_report.incident_set == bindparam("incident_set"), _report.reported_at == bindparam("reported_at"))
    .order_by(_report.key)
)


def _parties(model: type[Reporter] | type[Source]) -> Any:
    """(id, public record, secret members) of all confidential reporters or sources, oldest first."""
    party, prefix = table_of(model).c, sealing.subject(model.__name__.lower(), "")
    return (
        select(party.id, party.record, _secret.record)
        .join_from(table_of(model), table_of(Secret), _secret.subject == literal_column(f"'{prefix}'") + party.id)
        .order_by(party.key)
    )


_PARTIES = {model: _parties(model) for model in (Reporter, Source)}


class SameConfidential:
    """Looks among what is stored and among what this transaction recorded."""

    def __init__(self, append: Appender) -> None:
        self._append = append
        self._known: dict[type[Reporter] | type[Source], dict[bytes, str]] = {}
        self._reports: dict[bytes, str] = {}

    def party(self, model: type[Reporter] | type[Source], record: Mapping[str, Any]) -> str | None:
        """The id that was made for a reporter or source that says the very same."""
        return self._of(model).get(_content(record))

    def note_party(self, model: type[Reporter] | type[Source], record: Mapping[str, Any]) -> None:
        """Remembers one that this transaction records, disclosed."""
        if model in self._known and _is_made(model, record["id"]):
            self._append.gathered.set(self._known[model], _content(record), record["id"])

    def report(self, record: Mapping[str, Any], insider: bool) -> str | None:
        """The id of a report that says the very same, its incidents included. Raises `InvalidInput` for outsiders."""
        if not insider:
            raise InvalidInput([FieldError("id", NEEDS_ID, where="body")])
        content = _content(record)
        if noted := self._reports.get(content):
            return noted
        incidents = self._append.find(IncidentSet, orjson.dumps(record["incidents"]).decode())
        if incidents is None:
            return None
        values = {"incident_set": incidents["key"], "reported_at": parse_moment(record["reported_on"]).instant}
        for report_id, text in self._append.transaction.rows(_REPORTS, values):
            if _content(orjson.loads(text) | self._secret_of(report_id)) == content:
                return str(report_id)
        return None

    def note_report(self, record: Mapping[str, Any]) -> None:
        """Remembers one that this transaction records, disclosed."""
        self._append.gathered.set(self._reports, _content(record), record["id"])

    def _of(self, model: type[Reporter] | type[Source]) -> dict[bytes, str]:
        """Ids by content; read once in a transaction, and only where it is needed."""
        if model not in self._known:
            known: dict[bytes, str] = {}
            for party_id, public, secret in self._append.transaction.rows(_PARTIES[model]):
                if _is_made(model, party_id):
                    known.setdefault(_content(orjson.loads(public) | orjson.loads(secret)), party_id)
            self._known[model] = known
        return self._known[model]

    def _secret_of(self, report_id: str) -> dict[str, Any]:
        secret = self._append.find(Secret, sealing.subject("toll_report", report_id))
        return orjson.loads(secret["record"]) if secret else {}


def _is_made(model: type[Reporter] | type[Source], party_id: str) -> bool:
    """Whether an id was made at random. One that somebody chose may stand for another person of the same name."""
    return re.fullmatch(rf"{model.__name__.lower()}-[0-9a-f]{{16}}", party_id) is not None


def _content(record: Mapping[str, Any]) -> bytes:
    said = {name: value for name, value in record.items() if name not in _NOT_CONTENT}
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
