"""CQL2 text (OGC 21-065r2) to CQL2 JSON, and the older CQL text of GDAL, which has `ILIKE` and no backslash escapes.

LALR: a text is read in a time that grows with its length, however deep its parentheses are.
"""

import re
from enum import StrEnum
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

Json = Any
"""CQL2 JSON: dictionaries with `op` and `args`, or `property`; lists, texts, numbers, booleans."""

_GRAMMAR = r"""
?start: disjunction
?disjunction: conjunction (_OR conjunction)*
?conjunction: negation (_AND negation)*
?negation: _NOT negation -> opposite
    | test
?test: operand
    | operand COMPARISON operand -> comparison
    | operand LIKE operand -> like
    | operand _NOT LIKE operand -> not_like
    | operand _BETWEEN operand _AND operand -> between
    | operand _NOT _BETWEEN operand _AND operand -> not_between
    | operand _IN "(" operand ("," operand)* ")" -> among
    | operand _NOT _IN "(" operand ("," operand)* ")" -> not_among
    | operand _IS _NULL -> null
    | operand _IS _NOT _NULL -> not_null
?operand: "(" disjunction ")"
    | NAME -> name
    | QUOTED -> quoted
    | STRING -> string
    | NUMBER -> number
    | "+" NUMBER -> number
    | BOOLEAN -> boolean
    | "-" operand -> minus
    | GEOMETRY coordinates -> geometry
    | call
call: NAME "(" [operand ("," operand)*] ")"
coordinates: "(" (coordinates | position) ("," (coordinates | position))* ")"
position: signed signed+
?signed: NUMBER -> number
    | "-" NUMBER -> negative

_AND.2: /and\b/i
_OR.2: /or\b/i
_NOT.2: /not\b/i
_BETWEEN.2: /between\b/i
_IN.2: /in\b/i
_IS.2: /is\b/i
_NULL.2: /null\b/i
LIKE.2: /i?like\b/i
BOOLEAN.2: /(true|false)\b/i
GEOMETRY.2: /(multi)?(point|linestring|polygon)(?=\s*\()/i
COMPARISON: "=" | "<>" | "<=" | ">=" | "<" | ">"
NAME: /[^\W\d][\w.:]*/
QUOTED: /"(""|[^"])*"/
STRING: <string>
NUMBER: /([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?/i
%ignore /\s+/
"""


class Language(StrEnum):
    """Languages of filters; the first is the default."""

    CQL2_TEXT = "cql2-text"
    CQL2_JSON = "cql2-json"
    CQL_TEXT = "cql-text"


_STRINGS = {Language.CQL2_TEXT: r"/'(''|\\(.|\n)|[^'\\])*'/", Language.CQL_TEXT: r"/'(''|[^'])*'/"}
_ESCAPE = re.compile(r"''|\\(['\\abtnvfr])")
_CONTROLS = dict(zip("abtnvfr", "\a\b\t\n\v\f\r", strict=True))


def parse_cql_text(text: str, language: Language) -> Json:
    """The CQL2 JSON that a text stands for. Raises `ValueError` that says where it cannot be read."""
    try:
        return _parser(language).parse(text)
    except UnexpectedInput as error:
        at = error.pos_in_stream or 0
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise ValueError("ends too early") from None
        raise ValueError(f"cannot be read at character {at + 1}: `{text[at : at + 20]}`") from None


@cache
def _parser(language: Language) -> Lark:
    grammar = _GRAMMAR.replace("<string>", _STRINGS[language])
    return Lark(grammar, parser="lalr", transformer=_ToJson(language), maybe_placeholders=False)


def _call(op: str, *arguments: Json) -> Json:
    return {"op": op, "args": list(arguments)}


def _chain(op: str, parts: tuple[Json, ...]) -> Json:
    """Parts of the same operation in one list: GDAL nests `((a) AND (b)) AND (c)`."""
    flat: list[Json] = []
    for part in parts:
        flat += part["args"] if isinstance(part, dict) and part.get("op") == op else [part]
    return {"op": op, "args": flat}


def _number(text: str) -> int | float:
    return int(text) if text.isdigit() and len(text) < 19 else float(text)


@v_args(inline=True)
class _ToJson(Transformer[Token, Json]):
    """Each method makes the JSON of the rule that it is named after, while the text is being read."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.escapes = language is Language.CQL2_TEXT

    def disjunction(self, *parts: Json) -> Json:
        return _chain("or", parts)

    def conjunction(self, *parts: Json) -> Json:
        return _chain("and", parts)

    def opposite(self, part: Json) -> Json:
        return _call("not", part)

    def comparison(self, left: Json, op: str, right: Json) -> Json:
        return _call(str(op), left, right)

    def like(self, operand: Json, op: str, pattern: Json) -> Json:
        sides = (operand, pattern) if op.casefold() == "like" else (_call("casei", operand), _call("casei", pattern))
        return _call("like", *sides)

    def not_like(self, operand: Json, op: str, pattern: Json) -> Json:
        return _call("not", self.like(operand, op, pattern))

    def between(self, operand: Json, low: Json, high: Json) -> Json:
        return _call("between", operand, low, high)

    def not_between(self, *operands: Json) -> Json:
        return _call("not", self.between(*operands))

    def among(self, operand: Json, *values: Json) -> Json:
        return _call("in", operand, list(values))

    def not_among(self, operand: Json, *values: Json) -> Json:
        return _call("not", self.among(operand, *values))

    def null(self, operand: Json) -> Json:
        return _call("isNull", operand)

    def not_null(self, operand: Json) -> Json:
        return _call("not", self.null(operand))

    def call(self, name: str, *arguments: Json) -> Json:
        function = name.casefold()
        if function in ("date", "timestamp") and len(arguments) == 1:
            return {function: arguments[0]}
        return {"bbox": list(arguments)} if function == "bbox" else _call(function, *arguments)

    def geometry(self, kind: str, coordinates: list[Json]) -> Json:
        of_point = kind.casefold() == "point" and len(coordinates) == 1
        return {"type": kind.title(), "coordinates": coordinates[0] if of_point else coordinates}

    def coordinates(self, *parts: Json) -> Json:
        return list(parts)

    def position(self, *numbers: Json) -> Json:
        return list(numbers)

    def name(self, name: str) -> Json:
        return {"property": str(name)}

    def quoted(self, name: str) -> Json:
        return {"property": name[1:-1].replace('""', '"')}

    def string(self, text: str) -> Json:
        inner = text[1:-1]
        if not self.escapes:
            return inner.replace("''", "'")
        return _ESCAPE.sub(lambda found: _CONTROLS.get(found[1], found[1]) if found[1] else "'", inner)

    def number(self, text: str) -> Json:
        return _number(text)

    def negative(self, text: str) -> Json:
        return -_number(text)

    def minus(self, value: Json) -> Json:
        """Arithmetic is not supported, save for the sign of a number."""
        return -value if isinstance(value, int | float) else _call("-", value)

    def boolean(self, text: str) -> Json:
        return text.casefold() == "true"
