"""Quarantine after a restore from a backup, with the wall of every company's table."""

import django.db.models.deletion
from django.db import migrations, models

SAME_ORGANIZATION = migrations.RunSQL(
    "ALTER TABLE qbsync_quarantine ADD CONSTRAINT qbsync_quarantine_same_organization "
    "FOREIGN KEY (organization_id, connection_id) REFERENCES qbsync_connection (organization_id, id) "
    "DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE qbsync_quarantine DROP CONSTRAINT qbsync_quarantine_same_organization",
)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_walls"),
        ("qbsync", "0008_filling"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="matching",
            field=models.CharField(
                choices=[("none", "Not needed"), ("open", "Open"), ("asking", "Some records wait"), ("done", "Done")],
                default="none",
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="Quarantine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("began_at", models.DateTimeField()),
                ("noticed_by", models.CharField(max_length=150)),
                ("evidence", models.CharField(max_length=500)),
                ("pending", models.JSONField(default=dict)),
                ("prepared_at", models.DateTimeField(null=True)),
                ("looked_up_at", models.DateTimeField(null=True)),
                ("counts", models.JSONField(default=dict)),
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
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("looked_up_at__isnull", True)),
                        fields=("connection",),
                        name="quarantine_one_open",
                    )
                ],
            },
        ),
        SAME_ORGANIZATION,
    ]
