"""Items of one name may stand in different categories of other books; people are still kept from using one twice."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_walls")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_item DROP CONSTRAINT item_active_name_once",
            "ALTER TABLE ledger_item ADD CONSTRAINT item_active_name_once "
            "EXCLUDE USING btree (organization_id WITH =, lower(name) WITH =) WHERE (active) "
            "DEFERRABLE INITIALLY DEFERRED",
        )
    ]
