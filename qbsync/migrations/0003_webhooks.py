"""Webhooks: deliveries, the events in them, and the wish to read a company; with the wall of every company's table."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

COMPANY_TABLES = ["pullrequest", "webhookevent"]


def same_organization(table: str) -> migrations.RunSQL:
    name = f"qbsync_{table}_same_organization"
    return migrations.RunSQL(
        f"ALTER TABLE qbsync_{table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, connection_id) "
        "REFERENCES qbsync_connection (organization_id, id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE qbsync_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_walls"),
        ("qbsync", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body_hash", models.CharField(max_length=64, unique=True)),
                ("form", models.CharField(blank=True, max_length=12)),
                ("size", models.PositiveIntegerField()),
                ("events", models.PositiveIntegerField(default=0)),
                ("fresh", models.PositiveIntegerField(default=0)),
                ("repeated", models.PositiveIntegerField(default=0)),
                ("ignored", models.PositiveIntegerField(default=0)),
                ("unknown", models.PositiveIntegerField(default=0)),
                ("unreadable", models.PositiveIntegerField(default=0)),
                ("times_received", models.PositiveIntegerField(default=1)),
                ("received_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="PullRequest",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="pull_request",
                        serialize=False,
                        to="qbsync.connection",
                    ),
                ),
                ("stamp", models.UUIDField(default=uuid.uuid4)),
                ("wanted_since", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.organization"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("entity", models.CharField(max_length=40)),
                ("remote_id", models.CharField(max_length=32)),
                ("operation", models.CharField(max_length=40)),
                ("happened_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="qbsync.connection"
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="qbsync.webhookdelivery"
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
                "constraints": [models.UniqueConstraint(fields=("connection", "key"), name="webhook_event_once")],
            },
        ),
        *(same_organization(table) for table in COMPANY_TABLES),
    ]
