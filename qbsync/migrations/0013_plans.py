"""Stored plans with their lines, and the setting that lets nothing out unseen; with the wall of every company's table."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


def same_organization(table: str) -> migrations.RunSQL:
    name = f"qbsync_{table}_same_organization"
    return migrations.RunSQL(
        f"ALTER TABLE qbsync_{table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, connection_id) "
        "REFERENCES qbsync_connection (organization_id, id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE qbsync_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_items_may_share_a_name"),
        ("qbsync", "0012_safety_stop"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="ask_before_writing",
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("backfill", "Full reading"),
                            ("pull", "Changes from QuickBooks"),
                            ("push", "Changes from Batchly"),
                            ("asked", "Writes that wait for approval"),
                            ("undo", "Taking a run back"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("making", "Being made"),
                            ("made", "Waits for approval"),
                            ("approved", "Approved"),
                            ("applied", "Applied"),
                            ("discarded", "Discarded"),
                        ],
                        default="making",
                        max_length=9,
                    ),
                ),
                ("counts", models.JSONField(default=dict)),
                ("made_by", models.CharField(blank=True, max_length=150)),
                ("made_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("applied_at", models.DateTimeField(null=True)),
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
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="undo_plans",
                        to="qbsync.run",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PlannedWrite",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "entity",
                    models.CharField(
                        choices=[
                            ("customer", "Customer"),
                            ("item", "Item"),
                            ("invoice", "Invoice"),
                            ("payment", "Payment"),
                        ],
                        max_length=16,
                    ),
                ),
                ("local_id", models.UUIDField()),
                ("remote_id", models.CharField(blank=True, max_length=32)),
                ("label", models.CharField(max_length=600)),
                ("batchly", models.CharField(blank=True, max_length=8)),
                ("quickbooks", models.CharField(blank=True, max_length=8)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("total", models.DecimalField(decimal_places=4, max_digits=19, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("local_revision", models.PositiveIntegerField(null=True)),
                ("remote_token", models.BigIntegerField(null=True)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("wanted", models.JSONField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("planned", "Planned"), ("written", "Done"), ("left", "Left out")],
                        default="planned",
                        max_length=7,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                (
                    "command",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="qbsync.command"
                    ),
                ),
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
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="qbsync.plan"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="plan",
            index=models.Index(fields=["connection", "made_at"], name="plan_recent"),
        ),
        migrations.AddConstraint(
            model_name="plan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "asked"), ("state", "made")), fields=("connection",), name="plan_one_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedwrite",
            constraint=models.UniqueConstraint(fields=("plan", "entity", "local_id"), name="planned_write_once"),
        ),
        migrations.AddConstraint(
            model_name="plannedwrite",
            constraint=models.CheckConstraint(
                condition=models.Q(("entity__in", ["customer", "item", "invoice", "payment"])),
                name="planned_write_entity",
            ),
        ),
        same_organization("plan"),
        same_organization("plannedwrite"),
    ]
