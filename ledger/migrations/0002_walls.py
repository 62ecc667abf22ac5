"""Walls that models cannot express: references stay inside one organization, and active names are used once.

Each reference is held by (organization_id, x_id) -> (organization_id, id). All constraints wait for the end of the
transaction, so records may be written in any order and two of them may swap their names.
"""

from django.db import migrations

REFERENCES = [
    ("customer", "terms_id", "term"),
    ("customer", "parent_id", "customer"),
    ("invoice", "customer_id", "customer"),
    ("invoice", "terms_id", "term"),
    ("invoiceline", "invoice_id", "invoice"),
    ("invoiceline", "item_id", "item"),
    ("payment", "customer_id", "customer"),
    ("payment", "method_id", "paymentmethod"),
    ("allocation", "payment_id", "payment"),
    ("allocation", "invoice_id", "invoice"),
]
NAMES = [("customer", "display_name"), ("item", "name")]


def same_organization(table: str, column: str, target: str) -> migrations.RunSQL:
    """The composite foreign key of one reference."""
    name = f"{table}_{column}_same_organization"
    return migrations.RunSQL(
        f"ALTER TABLE ledger_{table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, {column}) "
        f"REFERENCES ledger_{target} (organization_id, id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE ledger_{table} DROP CONSTRAINT {name}",
    )


def active_name_once(table: str, column: str) -> migrations.RunSQL:
    """One active row per organization and name, whatever its case."""
    name = f"{table}_active_name_once"
    return migrations.RunSQL(
        f"ALTER TABLE ledger_{table} ADD CONSTRAINT {name} "
        f"EXCLUDE USING btree (organization_id WITH =, lower({column}) WITH =) WHERE (active) "
        "DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE ledger_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_records")]

    operations = [
        *(same_organization(*reference) for reference in REFERENCES),
        *(active_name_once(*name) for name in NAMES),
    ]
