"""Reading the log: its entries, its checkpoint, and the proofs that it only ever grew."""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import and_, bindparam, func, or_, select

from app.domain import merkle
from app.domain.canonical import canonical
from app.domain.dates import Instant, instant_text
from app.domain.merkle import Hash, Place
from app.errors import Broken, DatabaseUnusable, FieldError, InvalidInput
from app.store.db.sql_text import compiled, limited
from app.store.db.statements import MANY_ROWS, MOST_BYTES, Row, Statement, filled_up, size_of
from app.store.log.entry_rows import select_entries, text_of
from app.store.log.redaction import MARK
from app.store.read.disclosure import disclosed_document
from app.store.read.session import ReadSession
from app.store.tables import TABLES

_change, _recording, _node, _feed = (TABLES[name].c for name in ("change", "recording", "log_node", "feed"))


class LoggedChange(NamedTuple):
    """An entry: its place, its kind, and its JSON text."""

    seq: int
    kind: str
    text: str


async def changes(session: ReadSession, after: int, limit: int, most_bytes: int | None = None) -> list[LoggedChange]:
    """Entries after one, in their order: as many as wanted, or fewer where they reach `most_bytes`, or `MOST_BYTES`.

    With what is confidential in `opened`, beside `data`, for those who may see it.
    """
    found: list[LoggedChange] = []
    left = most_bytes or MOST_BYTES
    while len(found) < limit and left > 0:
        wanted = limit - len(found)
        values = {"recorded": session.recorded, "after": found[-1].seq if found else after, "limit": wanted}
        rows = await session.some(Statement(_changes_text(), values, long=limit > MANY_ROWS), left)
        texts = await _opened(session, await _texts(session, rows))
        found += [LoggedChange(row[0], row[2], text) for row, text in zip(rows, texts, strict=True)]
        if len(rows) < wanted and size_of(rows) < left:
            break
        left -= sum(map(len, texts))
        await session.pause()
    return found


async def _texts(session: ReadSession, rows: Sequence[Row]) -> list[str]:
    def made() -> list[str]:
        return [text_of(row) for row in session.each(rows)]

    return await session.beside(made) if len(rows) > MANY_ROWS else made()


async def _opened(session: ReadSession, texts: list[str]) -> list[str]:
    if not session.confidential:
        return texts
    items = [orjson.loads(text) if MARK in text else None for text in texts]
    sealed = [item for item in items if item]
    opened = await disclosed_document(session, [deepcopy(item["data"]) for item in sealed])
    for item, data in zip(sealed, opened, strict=True):
        item["opened"] = data
    return [orjson.dumps(item).decode() if item else text for item, text in zip(items, texts, strict=True)]


async def checkpoint(session: ReadSession) -> dict[str, Any]:
    """The log as it stands: how many entries, the root of their tree, since when, and in which life of the feed."""
    epoch, size, root, at = (await session.rows(_checkpoint(session.recorded)))[0]
    return {
        "size": size or 0,
        "root": (root or merkle.EMPTY_ROOT).hex(),
        "at": None if at is None else instant_text(at),
        "epoch": epoch,
    }


async def inclusion(session: ReadSession, seq: int, size: int | None) -> dict[str, Any]:
    """The proof that an entry is in the log of a size, or of now. Raises `InvalidInput` beyond the log."""
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
    """Raises `Broken` where the newest entry is not what was recorded, or does not lead to the root of the log.

    Reads some pages, whatever the length of the log; `verify` looks at the others.
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
    """The proof that the log of one size is the beginning of the log of another."""
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
    found: dict[Place, Hash] = {}
    if leaves := sorted({number for level, number in places if level == 0}):
        wanted = filled_up(leaves)
        values = {f"seq_{n}": number + 1 for n, number in enumerate(wanted)}
        rows = await session.rows(Statement(_leaves_text(len(wanted)), values))
        found |= {(0, seq - 1): leaf for seq, leaf in rows}
    if nodes := sorted({place for place in places if place[0] > 0}):
        filled = filled_up(nodes)
        values = {f"level_{n}": level for n, (level, _) in enumerate(filled)}
        values |= {f"number_{n}": number for n, (_, number) in enumerate(filled)}
        rows = await session.rows(Statement(_nodes_text(len(filled)), values))
        found |= {(level, number): node for level, number, node in rows}
    if missing := {*places} - found.keys():
        raise DatabaseUnusable(
            f"the tree of the log has no node {min(missing)}; `incidents verify` names the first place"
        )
    return found


@cache
def _changes_text() -> str:
    wanted = select_entries().where(_change.seq > bindparam("after"), _change.recorded_at <= bindparam("recorded"))
    return compiled(limited(wanted))


def _checkpoint(recorded: Instant) -> Statement:
    return Statement(_checkpoint_text(), {"recorded": recorded})


@cache
def _checkpoint_text() -> str:
    newest = select(func.max(_recording.recorded_at)).where(_recording.recorded_at <= bindparam("recorded"))
    last = _recording.recorded_at == newest.scalar_subquery()
    return compiled(
        select(_feed.epoch, _recording.log_size, _recording.log_root, _recording.recorded_at).join_from(
            TABLES["feed"], TABLES["recording"], last, isouter=True
        )
    )


@lru_cache(maxsize=16)
def _leaves_text(count: int) -> str:
    places = [bindparam(f"seq_{n}") for n in range(count)]
    return compiled(select(_change.seq, _change.hash).where(_change.seq.in_(places)))


@lru_cache(maxsize=16)
def _nodes_text(count: int) -> str:
    wanted = [
        and_(_node.level == bindparam(f"level_{n}"), _node.number == bindparam(f"number_{n}")) for n in range(count)
    ]
    return compiled(select(_node.level, _node.number, _node.hash).where(or_(*wanted)))
