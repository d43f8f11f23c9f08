"""ids that incidents bear in other data sets, and the releases that list them"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Ids of records that are there are taken from them."""
    external = op.create_table(
        "incident_external_id",
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["incident_version.key"], name="fk_incident_external_id_version"),
        sa.PrimaryKeyConstraint("scheme", "id", "version", name="pk_incident_external_id"),
    )
    op.create_table(
        "listing",
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("reporter", sa.Integer(), nullable=False),
        sa.Column("listed_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.key"], name="fk_listing_incident"),
        sa.ForeignKeyConstraint(["reporter"], ["reporter.key"], name="fk_listing_reporter"),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name="fk_listing_source"),
        sa.PrimaryKeyConstraint("incident", "reporter", "listed_at", "source", name="pk_listing"),
    )
    op.create_index("ix_listing_source_incident", "listing", ["source", "incident"], unique=False)
    connection = op.get_bind()
    version = sa.table("incident_version", sa.column("key"), sa.column("record"))
    found = connection.execute(sa.select(version.c.key, version.c.record)).yield_per(BATCH)
    for some in found.partitions():
        rows = [
            {"scheme": scheme, "id": told, "version": key}
            for key, record in some
            for scheme, told in json.loads(record)["external_ids"].items()
        ]
        if rows:
            connection.execute(sa.insert(external), rows)


def downgrade() -> None:
    """Leaves nothing behind."""
    op.drop_table("listing")
    op.drop_table("incident_external_id")
