"""Two-way synchronisation of the ledger with QuickBooks Online."""
