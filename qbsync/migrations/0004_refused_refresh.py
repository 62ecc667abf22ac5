"""When a renewal was last refused, so that it is not asked for again at once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("qbsync", "0003_webhooks")]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="refused_at",
            field=models.DateTimeField(null=True),
        ),
    ]
