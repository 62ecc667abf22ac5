"""Batchly's business records. Knows nothing of QuickBooks or of synchronisation."""
