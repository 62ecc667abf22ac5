"""The safety stop with the records it holds, and what each run wrote; with the wall of every company's table."""

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
        ("qbsync", "0011_reads"),
    ]

    operations = [
        migrations.CreateModel(
            name="SafetyStop",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
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
                (
                    "direction",
                    models.CharField(
                        choices=[("to_batchly", "In Batchly"), ("to_quickbooks", "In QuickBooks")], max_length=13
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waits for a decision"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("over", "No longer needed"),
                        ],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("linked", models.PositiveIntegerField()),
                ("recent", models.PositiveIntegerField(default=0)),
                ("opened_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_on", models.CharField(blank=True, max_length=300)),
                ("reason", models.CharField(blank=True, max_length=500)),
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
        ),
        migrations.CreateModel(
            name="HeldEnding",
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
                ("remote_id", models.CharField(max_length=32)),
                ("label", models.CharField(max_length=600)),
                ("total", models.DecimalField(decimal_places=4, max_digits=19, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("local_revision", models.PositiveIntegerField()),
                ("remote_token", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("done", "Carried out"),
                            ("over", "No longer ends"),
                        ],
                        default="waiting",
                        max_length=8,
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
                    "stop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="endings", to="qbsync.safetystop"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RunWrite",
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
                (
                    "side",
                    models.CharField(choices=[("batchly", "Batchly"), ("quickbooks", "QuickBooks")], max_length=10),
                ),
                ("before", models.JSONField(null=True)),
                ("revision", models.PositiveIntegerField()),
                ("ends", models.BooleanField(default=False)),
                ("seen", models.BooleanField(default=False)),
                ("written_at", models.DateTimeField()),
                (
                    "command",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="qbsync.command"
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
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="writes", to="qbsync.run"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ends", True)),
                        fields=["connection", "entity", "side", "written_at"],
                        name="run_write_endings",
                    ),
                    models.Index(fields=["written_at"], name="run_write_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("entity__in", ["customer", "item", "invoice", "payment"])),
                        name="run_write_entity",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="safetystop",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("connection", "entity", "direction"),
                name="safety_stop_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="safetystop",
            constraint=models.CheckConstraint(
                condition=models.Q(("entity__in", ["customer", "item", "invoice", "payment"])),
                name="safety_stop_entity",
            ),
        ),
        migrations.AddIndex(
            model_name="heldending",
            index=models.Index(fields=["connection", "entity", "local_id"], name="held_ending_record"),
        ),
        migrations.AddConstraint(
            model_name="heldending",
            constraint=models.UniqueConstraint(fields=("stop", "local_id"), name="held_ending_once"),
        ),
        migrations.AddConstraint(
            model_name="heldending",
            constraint=models.CheckConstraint(
                condition=models.Q(("entity__in", ["customer", "item", "invoice", "payment"])),
                name="held_ending_entity",
            ),
        ),
        same_organization("safetystop"),
        same_organization("heldending"),
        same_organization("runwrite"),
    ]
