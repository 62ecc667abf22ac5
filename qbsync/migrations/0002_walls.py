"""Walls that models cannot express.

Every row of a company names the organization its connection belongs to, held by a composite foreign key. A command's
payload is frozen: once it may have been sent, nobody can change what was sent.
"""

from django.db import migrations

COMPANY_TABLES = [
    "credential",
    "lease",
    "cursor",
    "link",
    "remoterecord",
    "remotereference",
    "inboxrow",
    "outboxrow",
    "command",
    "conflict",
    "decision",
    "run",
]

FREEZE = """
CREATE FUNCTION qbsync_command_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.first_sent_at IS NOT NULL AND (
        NEW.payload IS DISTINCT FROM OLD.payload OR NEW.request_id IS DISTINCT FROM OLD.request_id
        OR NEW.operation IS DISTINCT FROM OLD.operation OR NEW.base_token IS DISTINCT FROM OLD.base_token
    ) THEN
        RAISE EXCEPTION 'the payload of command % may have been sent and cannot be changed', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER command_frozen BEFORE UPDATE ON qbsync_command
    FOR EACH ROW EXECUTE FUNCTION qbsync_command_frozen();
"""
THAW = "DROP TRIGGER command_frozen ON qbsync_command; DROP FUNCTION qbsync_command_frozen();"


def same_organization(table: str) -> migrations.RunSQL:
    name = f"qbsync_{table}_same_organization"
    return migrations.RunSQL(
        f"ALTER TABLE qbsync_{table} ADD CONSTRAINT {name} FOREIGN KEY (organization_id, connection_id) "
        "REFERENCES qbsync_connection (organization_id, id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE qbsync_{table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("qbsync", "0001_sync_tables")]

    operations = [*(same_organization(table) for table in COMPANY_TABLES), migrations.RunSQL(FREEZE, THAW)]
