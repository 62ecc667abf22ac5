"""Tie-outs, with the wall of every company's table."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

SAME_ORGANIZATION = migrations.RunSQL(
    "ALTER TABLE qbsync_tieout ADD CONSTRAINT qbsync_tieout_same_organization "
    "FOREIGN KEY (organization_id, connection_id) REFERENCES qbsync_connection (organization_id, id) "
    "DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE qbsync_tieout DROP CONSTRAINT qbsync_tieout_same_organization",
)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_walls"),
        ("qbsync", "0004_refused_refresh"),
    ]

    operations = [
        migrations.CreateModel(
            name="TieOut",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("tied", models.BooleanField()),
                ("differences", models.PositiveIntegerField()),
                ("omitted", models.PositiveIntegerField(default=0)),
                ("summary", models.JSONField()),
                ("lines", models.JSONField()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="qbsync.connection"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.organization"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="qbsync.run"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["connection", "-finished_at"], name="tie_out_latest")],
            },
        ),
        SAME_ORGANIZATION,
    ]
