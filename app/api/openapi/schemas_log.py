"""The shapes of the log and its proofs."""

from typing import Any

from pydantic import ConfigDict, Field

from app.api.openapi.schemas import Count, Shape
from app.domain.source import Hex, Id, InstantText
from app.domain.vocabulary import ChangeKind


class Change(Shape):
    """An entry of the log."""

    seq: Count = Field(description="Its position in the log, from 1 and without gaps.")
    at: InstantText = Field(description="When it was recorded.")
    kind: ChangeKind
    incident: Id | None = Field(description="Its incident; null if it is about none or several.")
    by: str = Field(description="The name of the key that recorded it.")
    data: dict[str, Any] = Field(description="What was recorded.")
    hash: Hex = Field(description="SHA-256 of a zero byte and the canonical JSON of the fields above.")
    opened: dict[str, Any] | None = Field(
        None, description="`data` with the redacted fields; only for readers with `read:confidential`."
    )


class Changes(Shape):
    """Entries of the log, in their order."""

    items: list[Change]
    next: str | None = Field(description="Address of the next entries; null if there are none yet.")
    head: Count = Field(description="The `seq` of the newest entry.")
    epoch: str = Field(description="If it differs from before, the service was restored from a backup: start again.")


class Checkpoint(Shape):
    """The log at one time."""

    size: Count
    root: Hex
    at: InstantText | None = Field(description="When its newest entry was recorded.")
    epoch: str


class InclusionProof(Shape):
    """Proof that the entry `seq` is in the log of `size` entries with this root (RFC 6962, 2.1.1)."""

    seq: Count
    size: Count
    hash: Hex
    proof: list[Hex]
    root: Hex


class ConsistencyProof(Shape):
    """Proof that the log of `from` entries is a prefix of the log of `to` entries (RFC 6962, 2.1.2)."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_: Count = Field(alias="from")
    to: Count
    from_root: Hex
    to_root: Hex
    proof: list[Hex]
