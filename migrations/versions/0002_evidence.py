"""the log and its feed, keys, kept answers, and what is confidential"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Facts that are there already are entered into the log after the migration."""
    op.rename_table("recording", "recording_before")
    op.create_table(  # anew, without defaults: a process of before that still writes is refused, and leaves no gap
        "recording",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("log_root", sa.LargeBinary(), nullable=False),
        sa.Column("log_peaks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_recording"),
        sa.UniqueConstraint("recorded_at", name="uq_recording_recorded_at"),
    )
    op.execute(
        "INSERT INTO recording (key, recorded_at, recorded_by, log_size, log_root, log_peaks) "
        "SELECT key, recorded_at, recorded_by, 0, '', '' FROM recording_before"
    )
    op.drop_table("recording_before")
    op.create_table(
        "change",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "source.created",
                "source.reporter_created",
                "incident.created",
                "incident.updated",
                "toll.reported",
                "toll.retracted",
                "incident.withdrawn",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("fact", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_change"),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_log_node"),
    )
    op.create_table(
        "feed",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_feed"),
    )
    op.create_table(
        "secret",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_secret"),
    )
    op.create_table(
        "api_key",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_api_key"),
        sa.UniqueConstraint("id", name="uq_api_key_id"),
        sa.UniqueConstraint("name", name="uq_api_key_name"),
    )
    op.create_table(
        "kept_answer",
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("api_key", "idempotency_key", name="pk_kept_answer"),
    )
    op.create_index("ix_kept_answer_recorded_at", "kept_answer", ["recorded_at"], unique=False)


def downgrade() -> None:
    """Leaves nothing behind."""
    for table in ("kept_answer", "api_key", "secret", "feed", "log_node", "change"):
        op.drop_table(table)
    for name in ("log_peaks", "log_root", "log_size"):
        op.drop_column("recording", name)
