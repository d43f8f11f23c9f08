"""Reading the log: its entries, its checkpoint, and the proofs that it only ever grew."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import orjson
from sqlalchemy import and_, bindparam, func, select
from sqlmodel import col

from app.domain import merkle
from app.domain.canonical import canonical
from app.domain.dates import instant_text
from app.domain.json_text import json_of
from app.domain.merkle import Hash, Place
from app.errors import Broken, DatabaseUnusable, FieldError, InvalidInput
from app.store.db.sql_text import AnySelect, among, at_index, json_rows, limited
from app.store.db.statements import MANY_ROWS, MAX_BYTES, Row, Statement, size_of
from app.store.log.entry_rows import select_entries, text_of
from app.store.log.redaction import MARK
from app.store.read.disclosure import disclosed_document
from app.store.read.session import ReadSession
from app.store.tables import Change, Feed, LogNode, Recording


class LoggedChange(NamedTuple):
    """An entry of the log: its sequence number, its kind, and its JSON text."""

    seq: int
    kind: str
    text: str


async def changes(session: ReadSession, after: int, limit: int, max_bytes: int | None = None) -> list[LoggedChange]:
    """Up to `limit` entries after one, in their order. Ends early at `max_bytes`, by default `MAX_BYTES`.

    Readers with the scope get confidential members in `opened`, in addition to `data`.
    """
    found: list[LoggedChange] = []
    left = max_bytes or MAX_BYTES
    while len(found) < limit and left > 0:
        wanted = limit - len(found)
        values = {"recorded": session.recorded, "after": found[-1].seq if found else after, "limit": wanted}
        rows = await session.some(Statement.of(build_changes, long=limit > MANY_ROWS, **values), left)
        texts = await _disclosed(session, await _texts(session, rows))
        found += [LoggedChange(seq, kind, text) for (seq, _, kind, *_), text in zip(rows, texts, strict=True)]
        if len(rows) < wanted and size_of(rows) < left:
            break
        left -= sum(map(len, texts))
        await session.pause()
    return found


async def _texts(session: ReadSession, rows: Sequence[Row]) -> list[str]:
    def build() -> list[str]:
        return [text_of(row) for row in session.each(rows)]

    return await session.in_thread(build) if len(rows) > MANY_ROWS else build()


async def _disclosed(session: ReadSession, texts: list[str]) -> list[str]:
    if not session.confidential:
        return texts
    items = [orjson.loads(text) if MARK in text else None for text in texts]
    redacted = [item for item in items if item]
    disclosed = await disclosed_document(session, [deepcopy(item["data"]) for item in redacted])
    for item, data in zip(redacted, disclosed, strict=True):
        item["opened"] = data
    return [json_of(item) if item else text for item, text in zip(items, texts, strict=True)]


async def checkpoint(session: ReadSession) -> dict[str, Any]:
    """The log as it stands: its size, the root of its tree, when it was last extended, and its epoch."""
    ((epoch, size, root, at),) = await session.rows(Statement.of(build_checkpoint, recorded=session.recorded))
    return {
        "size": size or 0,
        "root": (root or merkle.EMPTY_ROOT).hex(),
        "at": None if at is None else instant_text(at),
        "epoch": epoch,
    }


async def inclusion(session: ReadSession, seq: int, size: int | None) -> dict[str, Any]:
    """The proof that an entry is in the log of a size, by default the current one. Raises `InvalidInput` beyond it."""
    size = await _within(session, "size", size)
    if not seq <= size:
        raise InvalidInput([FieldError("seq", f"is beyond the log, which has {size} entries", str(seq))])
    ranges = merkle.inclusion_ranges(seq - 1, size)
    hashes = await _hashes(session, [*merkle.places_of(ranges), (0, seq - 1), *merkle.peaks_of(0, size)])
    return {
        "seq": seq,
        "size": size,
        "hash": hashes[0, seq - 1].hex(),
        "proof": [merkle.hash_of_range(*r, hashes).hex() for r in ranges],
        "root": merkle.hash_of_range(0, size, hashes).hex(),
    }


async def check_newest(session: ReadSession) -> None:
    """Raises `Broken` if the newest entry is not what was recorded, or does not lead to the root of the log.

    Reads a few pages, whatever the length of the log. `verify` checks the other entries.
    """
    state = await checkpoint(session)
    if not (size := state["size"]):
        return
    where = f"entry {size} of the log, the newest"
    try:
        entry = orjson.loads((await changes(session, size - 1, 1))[0].text)
        entry.pop("hash")
        proof = await inclusion(session, size, size)
        leaf = merkle.leaf_hash(canonical(entry)).hex()
    except (ValueError, TypeError, LookupError) as error:
        raise Broken(where, f"cannot be read ({type(error).__name__}: {error}); restore a backup") from None
    if (proof["hash"], proof["root"]) != (leaf, state["root"]):
        why = "does not match what is recorded; `incidents verify` names the first place, or restore a backup"
        raise Broken(where, why)


async def consistency(session: ReadSession, first: int, second: int | None) -> dict[str, Any]:
    """The proof that the log of one size is a prefix of the log of another size."""
    second = await _within(session, "to", second)
    if not first <= second:
        raise InvalidInput([FieldError("from", f"is beyond `to`, {second}", str(first))])
    ranges = merkle.consistency_ranges(first, second)
    places = [*merkle.places_of(ranges), *merkle.peaks_of(0, first), *merkle.peaks_of(0, second)]
    hashes = await _hashes(session, places)
    return {
        "from": first,
        "to": second,
        "from_root": merkle.hash_of_range(0, first, hashes).hex(),
        "to_root": merkle.hash_of_range(0, second, hashes).hex(),
        "proof": [merkle.hash_of_range(*r, hashes).hex() for r in ranges],
    }


async def _within(session: ReadSession, name: str, size: int | None) -> int:
    whole: int = (await checkpoint(session))["size"]
    if size is not None and size > whole:
        raise InvalidInput([FieldError(name, f"is beyond the log, which has {whole} entries", str(size))])
    return whole if size is None else size


async def _hashes(session: ReadSession, places: Sequence[Place]) -> dict[Place, Hash]:
    """The stored hashes at these places of the tree."""
    found: dict[Place, Hash] = {}
    if leaves := sorted({number for level, number in places if level == 0}):
        seqs = json_of([number + 1 for number in leaves])
        found |= {(0, seq - 1): leaf for seq, leaf in await session.rows(Statement.of(build_leaves, seqs=seqs))}
    if nodes := sorted({place for place in places if place[0] > 0}):
        rows = await session.rows(Statement.of(build_nodes, nodes=json_of(nodes)))
        found |= {(level, number): node for level, number, node in rows}
    if missing := {*places} - found.keys():
        raise DatabaseUnusable(
            f"the tree of the log has no node {min(missing)}; `incidents verify` names the first place"
        )
    return found


def build_changes() -> AnySelect:
    """The columns of `log.entry_rows.select_entries` of `:limit` entries after `:after`."""
    later = col(Change.seq) > bindparam("after")
    return limited(select_entries().where(later, col(Change.recorded_at) <= bindparam("recorded")))


def build_checkpoint() -> AnySelect:
    """(epoch, size, root, instant) of the newest recording."""
    newest = select(func.max(col(Recording.recorded_at))).where(col(Recording.recorded_at) <= bindparam("recorded"))
    columns = col(Feed.epoch), col(Recording.log_size), col(Recording.log_root), col(Recording.recorded_at)
    return select(*columns).join_from(
        Feed, Recording, col(Recording.recorded_at) == newest.scalar_subquery(), isouter=True
    )


def build_leaves() -> AnySelect:
    """(seq, hash) of the entries `:seqs`."""
    return select(col(Change.seq), col(Change.hash)).where(among(col(Change.seq), "seqs"))


def build_nodes() -> AnySelect:
    """(level, number, hash) of the nodes `:nodes`, a JSON list of [level, number]."""
    node = json_rows("nodes")
    is_wanted = and_(col(LogNode.level) == at_index(node.c.value, 0), col(LogNode.number) == at_index(node.c.value, 1))
    return select(col(LogNode.level), col(LogNode.number), col(LogNode.hash)).join_from(node, LogNode, is_wanted)
