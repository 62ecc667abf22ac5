"""What a matched pair does with a value that stands against none, and what its proposal says of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("qbsync", "0007_held_answers"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="matching_filling",
            field=models.CharField(
                choices=[
                    ("both", "Fill what is empty on either side from the other"),
                    ("batchly", "Fill only what is empty in Batchly"),
                    ("quickbooks", "Fill only what is empty in QuickBooks"),
                    ("ask", "Ask about every difference"),
                ],
                default="both",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="connection",
            name="matching_filling_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="matchproposal",
            name="comparison",
            field=models.JSONField(default=dict),
        ),
    ]
