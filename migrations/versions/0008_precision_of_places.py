"""segments have the precision of the place, which is a filter"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the precision from the records."""
    op.add_column("segment", sa.Column("place_precision", sa.Text(), nullable=True))
    op.get_bind().execute(
        sa.text(
            "UPDATE segment SET place_precision = (SELECT json_extract(record, '$.place_precision') "
            "FROM incident_version WHERE incident_version.key = segment.version)"
        )
    )


def downgrade() -> None:
    """Removes the column."""
    op.drop_column("segment", "place_precision")
