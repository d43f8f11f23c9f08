"""the log has entries of the kind reporter.created, and keeps those of the kind source.reporter_created"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = (
    "source.created",
    "reporter.created",
    "source.reporter_created",
    "incident.created",
    "incident.updated",
    "toll.reported",
    "toll.retracted",
    "incident.withdrawn",
)


def upgrade() -> None:
    """Allows the new kind. The hash of an entry covers its kind, so existing entries stay as they are.

    The table is copied, since SQLite cannot alter a CHECK constraint.
    """
    op.rename_table("change", "change_before")
    op.create_table(
        "change",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("fact", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_change"),
    )
    op.execute(
        "INSERT INTO change (seq, recorded_at, kind, incident, fact, hash) "
        "SELECT seq, recorded_at, kind, incident, fact, hash FROM change_before ORDER BY seq"
    )
    op.drop_table("change_before")


def downgrade() -> None:
    """Nothing: entries of the new kind may exist, and they stay. Programs of schema 0006 cannot read those."""
