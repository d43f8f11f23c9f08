"""Validation of plain data: a record, or all its faults with their members."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.canonical import NotKept
from app.domain.text import nearest
from app.errors import FieldError, InvalidInput

Model = TypeVar("Model", bound=BaseModel)
MAX_FAULTS = 60
_BRANCHES = ("whole", "reference")
"""Tags of alternatives in the locations of errors, which are no members."""


def validated(model: type[Model], data: Any, where: str = "body") -> Model:
    """The record. Raises `InvalidInput`, whose faults are named by member: `toll_reports.0.best`.

    Values are not repeated where some record is confidential.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        quiet = _has_confidential(data)
        found = error.errors(include_url=False)[:MAX_FAULTS]
        raise InvalidInput([_fault(e, model, where, quiet) for e in found]) from None


def _fault(error: Mapping[str, Any], model: type[BaseModel], where: str, quiet: bool) -> FieldError:
    name = ".".join(str(part) for part in error["loc"] if part not in _BRANCHES)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        sent = str(error["loc"][-1])[:100]
        like = nearest(sent, _members(model))
        hint = f"; did you mean {like}?" if like and like != sent else ""
        message = f"unknown member{hint}"
    elif error["type"] == "missing":
        message = "is missing"
    value = error["input"]
    if isinstance(raised := error.get("ctx", {}).get("error"), NotKept):
        return FieldError(
            ".".join(map(str, (name, *raised.path))), message, None if quiet else _shown(raised.value), where
        )
    member, colon, rest = message.partition(": ")
    if (
        error["type"] == "value_error" and colon and member.partition(".")[0] in _members(model)
    ):  # a rule over several members
        name, message = ".".join(filter(None, (name, member))), rest
        value = value.get(member) if isinstance(value, Mapping) else None
    return FieldError(name or where, message, None if quiet else _shown(value), where)


def _shown(value: Any) -> str | None:
    """A value as it is repeated in an error; lists and objects are not repeated."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)[:100] if isinstance(value, (str, int, float)) else None


@cache
def _members(model: type[BaseModel]) -> frozenset[str]:
    """The names of all members of a record and of its nested records."""
    schema = model.model_json_schema()
    return frozenset(
        name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", ())
    )


def _has_confidential(data: Any) -> bool:
    if isinstance(data, Mapping):
        return bool(data.get("confidential")) or any(map(_has_confidential, data.values()))
    return isinstance(data, list) and any(map(_has_confidential, data))


@contextmanager
def within(*names: object) -> Iterator[None]:
    """Prefixes the names of faults raised inside."""
    try:
        yield
    except InvalidInput as error:
        inner = ".".join(map(str, names))
        raise InvalidInput(
            [FieldError(f"{inner}.{f.name}", f.message, f.value, f.where) for f in error.faults]
        ) from None
