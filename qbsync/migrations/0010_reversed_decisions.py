"""A decision can take an earlier one back, and is taken back at most once."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_items_may_share_a_name"),
        ("qbsync", "0009_quarantine"),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="reverses",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="reversals", to="qbsync.decision"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("applied", True)), fields=("reverses",), name="decision_reversed_once"
            ),
        ),
    ]
