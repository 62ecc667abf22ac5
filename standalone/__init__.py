"""One-machine running of Batchly: its own PostgreSQL, its processes, the demo. The product never imports this package."""
