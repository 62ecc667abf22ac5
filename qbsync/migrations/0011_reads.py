"""Records that cannot be read are kept; deletions the feed could not tell are to be proven."""

import django.db.models.deletion
from django.db import migrations, models

SAME_ORGANIZATION = migrations.RunSQL(
    "ALTER TABLE qbsync_deletioncheck ADD CONSTRAINT qbsync_deletioncheck_same_organization "
    "FOREIGN KEY (organization_id, connection_id) REFERENCES qbsync_connection (organization_id, id) "
    "DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE qbsync_deletioncheck DROP CONSTRAINT qbsync_deletioncheck_same_organization",
)


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_items_may_share_a_name"),
        ("qbsync", "0010_reversed_decisions"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeletionCheck",
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
                ("wanted_at", models.DateTimeField()),
                ("began_here", models.DateTimeField(null=True)),
                ("since", models.DateTimeField(null=True)),
                ("start", models.PositiveIntegerField(default=1)),
            ],
        ),
        migrations.AddField(
            model_name="cursor",
            name="stuck_reading",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="cursor",
            name="stuck_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="cursor",
            name="stuck_times",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="inboxrow",
            name="changed_from",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="inboxrow",
            name="changed_to",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="inboxrow",
            name="first_seen_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="inboxrow",
            name="unreadable",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="inboxrow",
            index=models.Index(
                condition=models.Q(("unreadable", True)), fields=["connection"], name="inbox_unreadable"
            ),
        ),
        migrations.AddField(
            model_name="deletioncheck",
            name="connection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="qbsync.connection"
            ),
        ),
        migrations.AddField(
            model_name="deletioncheck",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.organization"
            ),
        ),
        migrations.AddConstraint(
            model_name="deletioncheck",
            constraint=models.UniqueConstraint(fields=("connection", "entity"), name="deletion_check_once"),
        ),
        migrations.AddConstraint(
            model_name="deletioncheck",
            constraint=models.CheckConstraint(
                condition=models.Q(("entity__in", ["customer", "item", "invoice", "payment"])),
                name="deletion_check_entity",
            ),
        ),
        SAME_ORGANIZATION,
    ]
