"""first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


LARGE = sa.text("killed_best >= 25")
APPLICATION_ID = 0x43494E43


def upgrade() -> None:
    """Facts, what is derived from them, and the search tables that only SQLite has."""
    op.create_table(
        "incident",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_incident"),
        sa.UniqueConstraint("id", name="uq_incident_id"),
    )
    op.create_table(
        "incident_set",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_incident_set"),
        sa.UniqueConstraint("members", name="uq_incident_set_members"),
    )
    op.create_table(
        "recording",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_recording"),
        sa.UniqueConstraint("recorded_at", name="uq_recording_recorded_at"),
    )
    op.create_table(
        "reporter",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "government",
                "military",
                "armed_group",
                "international",
                "ngo",
                "media",
                "local",
                "dataset",
                "anonymous",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_reporter"),
        sa.UniqueConstraint("id", name="uq_reporter_id"),
    )
    op.create_table(
        "source",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_source"),
        sa.UniqueConstraint("id", name="uq_source_id"),
    )
    op.create_table(
        "incident_set_member",
        sa.Column("incident_set", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.key"], name="fk_incident_set_member_incident"),
        sa.ForeignKeyConstraint(["incident_set"], ["incident_set.key"], name="fk_incident_set_member_incident_set"),
        sa.PrimaryKeyConstraint("incident_set", "incident", name="pk_incident_set_member"),
    )
    op.create_index(
        "ix_incident_set_member_incident_incident_set",
        "incident_set_member",
        ["incident", "incident_set"],
        unique=False,
    )
    op.create_table(
        "incident_version",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.key"], name="fk_incident_version_incident"),
        sa.PrimaryKeyConstraint("key", name="pk_incident_version"),
        sa.UniqueConstraint("incident", "number", name="uq_incident_version_incident_number"),
    )
    op.create_table(
        "set_segment",
        sa.Column("recorded_from", sa.BigInteger(), nullable=False),
        sa.Column("recorded_to", sa.BigInteger(), nullable=False),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("known_to", sa.BigInteger(), nullable=False),
        sa.Column("killed_low", sa.BigInteger(), nullable=True),
        sa.Column("killed_best", sa.BigInteger(), nullable=True),
        sa.Column("killed_high", sa.BigInteger(), nullable=True),
        sa.Column("wounded_low", sa.BigInteger(), nullable=True),
        sa.Column("wounded_best", sa.BigInteger(), nullable=True),
        sa.Column("wounded_high", sa.BigInteger(), nullable=True),
        sa.Column("missing_low", sa.BigInteger(), nullable=True),
        sa.Column("missing_best", sa.BigInteger(), nullable=True),
        sa.Column("missing_high", sa.BigInteger(), nullable=True),
        sa.Column("captured_low", sa.BigInteger(), nullable=True),
        sa.Column("captured_best", sa.BigInteger(), nullable=True),
        sa.Column("captured_high", sa.BigInteger(), nullable=True),
        sa.Column("survived_low", sa.BigInteger(), nullable=True),
        sa.Column("survived_best", sa.BigInteger(), nullable=True),
        sa.Column("survived_high", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident_set", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident_set"], ["incident_set.key"], name="fk_set_segment_incident_set"),
        sa.PrimaryKeyConstraint("key", name="pk_set_segment"),
    )
    op.create_index(
        "ix_set_segment_incident_set_recorded_from_known_from",
        "set_segment",
        ["incident_set", "recorded_from", "known_from"],
        unique=False,
    )
    op.create_table(
        "toll_report",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_set", sa.Integer(), nullable=False),
        sa.Column(
            "measure",
            sa.Enum(
                "killed",
                "wounded",
                "missing",
                "captured",
                "survived",
                name="measure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "victims",
            sa.Enum(
                "all",
                "military",
                "civilian",
                "attackers",
                "unknown",
                name="victims",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "bound",
            sa.Enum(
                "exact",
                "at_least",
                "more_than",
                "at_most",
                "about",
                "range",
                name="bound",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("best", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("reporter", sa.Integer(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("reported_on", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("supersedes", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.CheckConstraint("low >= 0 AND best >= 0 AND high >= 0", name="ck_toll_report_not_negative"),
        sa.ForeignKeyConstraint(["incident_set"], ["incident_set.key"], name="fk_toll_report_incident_set"),
        sa.ForeignKeyConstraint(["reporter"], ["reporter.key"], name="fk_toll_report_reporter"),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name="fk_toll_report_source"),
        sa.ForeignKeyConstraint(["supersedes"], ["toll_report.key"], name="fk_toll_report_supersedes"),
        sa.PrimaryKeyConstraint("key", name="pk_toll_report"),
        sa.UniqueConstraint("id", name="uq_toll_report_id"),
    )
    op.create_index(
        "ix_toll_report_incident_set_reported_at_key",
        "toll_report",
        ["incident_set", "reported_at", "key"],
        unique=False,
    )
    op.create_index("ix_toll_report_reported_at_key", "toll_report", ["reported_at", "key"], unique=False)
    op.create_index("ix_toll_report_reporter_reported_at", "toll_report", ["reporter", "reported_at"], unique=False)
    op.create_index("ix_toll_report_source_reported_at", "toll_report", ["source", "reported_at"], unique=False)
    op.create_index("ix_toll_report_supersedes", "toll_report", ["supersedes"], unique=False)
    op.create_table(
        "withdrawal",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.key"], name="fk_withdrawal_incident"),
        sa.PrimaryKeyConstraint("key", name="pk_withdrawal"),
        sa.UniqueConstraint("incident", name="uq_withdrawal_incident"),
    )
    op.create_table(
        "incident_actor",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "attacker",
                "target",
                "side_a",
                "side_b",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "state_forces",
                "rebel_group",
                "political_militia",
                "identity_militia",
                "rioters",
                "protesters",
                "civilians",
                "other_forces",
                "unknown",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["version"], ["incident_version.key"], name="fk_incident_actor_version"),
        sa.PrimaryKeyConstraint("version", "number", name="pk_incident_actor"),
    )
    op.create_index("ix_incident_actor_role_kind_version", "incident_actor", ["role", "kind", "version"], unique=False)
    op.create_table(
        "incident_border",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["incident_version.key"], name="fk_incident_border_version"),
        sa.PrimaryKeyConstraint("version", "country", name="pk_incident_border"),
    )
    op.create_index("ix_incident_border_country_version", "incident_border", ["country", "version"], unique=False)
    op.create_table(
        "retraction",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("toll_report", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reported_on", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name="fk_retraction_source"),
        sa.ForeignKeyConstraint(["toll_report"], ["toll_report.key"], name="fk_retraction_toll_report"),
        sa.PrimaryKeyConstraint("key", name="pk_retraction"),
        sa.UniqueConstraint("toll_report", name="uq_retraction_toll_report"),
    )
    op.create_table(
        "segment",
        sa.Column("recorded_from", sa.BigInteger(), nullable=False),
        sa.Column("recorded_to", sa.BigInteger(), nullable=False),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("known_to", sa.BigInteger(), nullable=False),
        sa.Column("killed_low", sa.BigInteger(), nullable=True),
        sa.Column("killed_best", sa.BigInteger(), nullable=True),
        sa.Column("killed_high", sa.BigInteger(), nullable=True),
        sa.Column("wounded_low", sa.BigInteger(), nullable=True),
        sa.Column("wounded_best", sa.BigInteger(), nullable=True),
        sa.Column("wounded_high", sa.BigInteger(), nullable=True),
        sa.Column("missing_low", sa.BigInteger(), nullable=True),
        sa.Column("missing_best", sa.BigInteger(), nullable=True),
        sa.Column("missing_high", sa.BigInteger(), nullable=True),
        sa.Column("captured_low", sa.BigInteger(), nullable=True),
        sa.Column("captured_best", sa.BigInteger(), nullable=True),
        sa.Column("captured_high", sa.BigInteger(), nullable=True),
        sa.Column("survived_low", sa.BigInteger(), nullable=True),
        sa.Column("survived_best", sa.BigInteger(), nullable=True),
        sa.Column("survived_high", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region_key", sa.Text(), nullable=True),
        sa.Column("region_name", sa.Text(), nullable=True),
        sa.Column("date_start", sa.Integer(), nullable=False),
        sa.Column("date_end", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("date_precision", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("sub_event_type", sa.Text(), nullable=True),
        sa.Column("type_of_violence", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("sphere_x", sa.Float(), nullable=True),
        sa.Column("sphere_y", sa.Float(), nullable=True),
        sa.Column("sphere_z", sa.Float(), nullable=True),
        sa.Column("killed_first", sa.BigInteger(), nullable=True),
        sa.Column("killed_change", sa.Text(), nullable=True),
        sa.Column("killed_revisions", sa.Integer(), nullable=True),
        sa.Column("killed_spread", sa.BigInteger(), nullable=True),
        sa.Column("killed_disputed", sa.Boolean(), nullable=True),
        sa.Column("killed_ever", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("toll", sa.Text(), nullable=False),
        sa.Column("rest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.key"], name="fk_segment_incident"),
        sa.ForeignKeyConstraint(["version"], ["incident_version.key"], name="fk_segment_version"),
        sa.PrimaryKeyConstraint("key", name="pk_segment"),
    )
    op.create_index(
        "ix_segment_country_date",
        "segment",
        ["country", "date_start", "incident_id", "recorded_from", "recorded_to", "known_from", "known_to", "date_end"],
        unique=False,
    )
    op.create_index(
        "ix_segment_date",
        "segment",
        ["date_start", "incident_id", "recorded_from", "recorded_to", "known_from", "known_to", "date_end"],
        unique=False,
    )
    op.create_index("ix_segment_days", "segment", ["days"], unique=False)
    op.create_index("ix_segment_incident", "segment", ["incident", "recorded_from", "known_from"], unique=False)
    op.create_index(
        "ix_segment_large_country_date",
        "segment",
        ["country", "date_start", "incident_id", "recorded_from", "recorded_to", "known_from", "known_to"],
        unique=False,
        sqlite_where=LARGE,
        postgresql_where=LARGE,
    )
    op.create_index(
        "ix_segment_large_date",
        "segment",
        ["date_start", "incident_id", "recorded_from", "recorded_to", "known_from", "known_to"],
        unique=False,
        sqlite_where=LARGE,
        postgresql_where=LARGE,
    )
    op.create_index(
        "ix_segment_region_date",
        "segment",
        [
            "region_key",
            "date_start",
            "incident_id",
            "recorded_from",
            "recorded_to",
            "known_from",
            "known_to",
            "date_end",
        ],
        unique=False,
    )
    op.create_index("ix_segment_updated", "segment", ["recorded_from", "incident_id"], unique=False)
    op.create_index("ix_segment_version", "segment", ["version"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE incident_text USING fts5(title, summary, place, actors, content='', prefix='2 3')"
        )
        op.execute("CREATE VIRTUAL TABLE incident_box USING rtree(version, min_lon, max_lon, min_lat, max_lat)")
        op.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def downgrade() -> None:
    """Leaves nothing behind."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE incident_box")
        op.execute("DROP TABLE incident_text")
    op.drop_table("segment")
    op.drop_table("retraction")
    op.drop_table("incident_border")
    op.drop_table("incident_actor")
    op.drop_table("withdrawal")
    op.drop_table("toll_report")
    op.drop_table("set_segment")
    op.drop_table("incident_version")
    op.drop_table("incident_set_member")
    op.drop_table("source")
    op.drop_table("reporter")
    op.drop_table("recording")
    op.drop_table("incident_set")
    op.drop_table("incident")
