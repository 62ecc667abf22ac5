"""Matching before the first connection: how far it is, and its proposals, with the wall of every company's table."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

SAME_ORGANIZATION = migrations.RunSQL(
    "ALTER TABLE qbsync_matchproposal ADD CONSTRAINT qbsync_matchproposal_same_organization "
    "FOREIGN KEY (organization_id, connection_id) REFERENCES qbsync_connection (organization_id, id) "
    "DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE qbsync_matchproposal DROP CONSTRAINT qbsync_matchproposal_same_organization",
)
ENTITIES = [("customer", "Customer"), ("item", "Item"), ("invoice", "Invoice"), ("payment", "Payment")]
BANDS = [("certain", "Certain"), ("likely", "Likely"), ("none", "No counterpart")]
DECISIONS = [
    ("pending", "Pending"),
    ("link", "Link"),
    ("create", "Create on the other side"),
    ("leave", "Leave alone"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0002_walls"),
        ("qbsync", "0005_tie_outs"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="matching",
            field=models.CharField(
                choices=[("none", "Not needed"), ("open", "Open"), ("done", "Done")], default="none", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="matching_wanted",
            field=models.CharField(
                blank=True,
                choices=[("propose", "Read both sides again"), ("apply", "Apply what is approved")],
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="MatchProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entity", models.CharField(choices=ENTITIES, max_length=16)),
                ("local_id", models.UUIDField(null=True)),
                ("remote_id", models.CharField(blank=True, max_length=32)),
                ("band", models.CharField(choices=BANDS, max_length=8)),
                ("evidence", models.CharField(blank=True, max_length=300)),
                ("blocked", models.CharField(blank=True, max_length=500)),
                ("local_facts", models.CharField(blank=True, max_length=300)),
                ("remote_facts", models.CharField(blank=True, max_length=300)),
                ("total", models.DecimalField(decimal_places=4, max_digits=19, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("local_revision", models.PositiveIntegerField(null=True)),
                ("remote_token", models.BigIntegerField(null=True)),
                ("by_hand", models.BooleanField(default=False)),
                ("decision", models.CharField(choices=DECISIONS, default="pending", max_length=8)),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("proposed_at", models.DateTimeField()),
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
                        condition=Q(("local_id__isnull", False)),
                        fields=("connection", "entity", "local_id"),
                        name="proposal_local_once",
                    ),
                    models.UniqueConstraint(
                        condition=Q(("remote_id", ""), _negated=True),
                        fields=("connection", "entity", "remote_id"),
                        name="proposal_remote_once",
                    ),
                    models.CheckConstraint(
                        condition=Q(("local_id__isnull", False), Q(("remote_id", ""), _negated=True), _connector="OR"),
                        name="proposal_of_something",
                    ),
                    models.CheckConstraint(
                        condition=Q(("entity__in", ["customer", "item", "invoice", "payment"])), name="proposal_entity"
                    ),
                ],
            },
        ),
        SAME_ORGANIZATION,
    ]
