"""Answers about held writes, with the wall of every company's table; and the state of a write that a person left alone."""

import django.db.models.deletion
import uuid
from django.db import migrations, models

SAME_ORGANIZATION = migrations.RunSQL(
    "ALTER TABLE qbsync_heldanswer ADD CONSTRAINT qbsync_heldanswer_same_organization "
    "FOREIGN KEY (organization_id, connection_id) REFERENCES qbsync_connection (organization_id, id) "
    "DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE qbsync_heldanswer DROP CONSTRAINT qbsync_heldanswer_same_organization",
)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_items_may_share_a_name"),
        ("qbsync", "0006_matching"),
    ]

    operations = [
        migrations.CreateModel(
            name="HeldAnswer",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("adopt", "It is this one"),
                            ("send", "It was never made: send again"),
                            ("leave", "Leave it: do not send"),
                        ],
                        max_length=8,
                    ),
                ),
                ("remote_id", models.CharField(blank=True, max_length=32)),
                ("older_confirmed", models.BooleanField(default=False)),
                ("seen", models.JSONField()),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("answered_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("open", "Not carried out yet"),
                            ("done", "Carried out"),
                            ("refused", "Not carried out"),
                            ("withdrawn", "Replaced by a later answer"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["answered_at"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="command",
            name="command_one_open",
        ),
        migrations.AlterField(
            model_name="command",
            name="state",
            field=models.CharField(
                choices=[
                    ("ready", "ready"),
                    ("sending", "sending"),
                    ("unknown", "unknown"),
                    ("done", "done"),
                    ("cancelled", "cancelled"),
                    ("rejected", "rejected"),
                    ("held", "held"),
                    ("left", "left"),
                ],
                default="ready",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="command",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["ready", "sending", "unknown", "held", "left"])),
                fields=("connection", "entity", "local_id"),
                name="command_one_open",
            ),
        ),
        migrations.AddField(
            model_name="heldanswer",
            name="command",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="qbsync.command"
            ),
        ),
        migrations.AddField(
            model_name="heldanswer",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="qbsync.connection"
            ),
        ),
        migrations.AddField(
            model_name="heldanswer",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.organization"
            ),
        ),
        migrations.AddIndex(
            model_name="heldanswer",
            index=models.Index(fields=["connection", "outcome"], name="held_answer_open"),
        ),
        migrations.AddConstraint(
            model_name="heldanswer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("outcome", "open")), fields=("command",), name="held_answer_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="heldanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("choice", "adopt"), _negated=True),
                    models.Q(("remote_id", ""), _negated=True),
                    _connector="OR",
                ),
                name="held_answer_names_its_record",
            ),
        ),
        SAME_ORGANIZATION,
    ]
