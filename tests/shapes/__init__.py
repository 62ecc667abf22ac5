"""Every shape a document can have, made on one side and followed to the other (QuickBooks facts F3.4 to F3.9).

`companies` founds the companies, `invoices` and `payments` make documents in QuickBooks, `made_here` makes them in
Batchly, `sides` holds both sides against each other, `census` counts what was compared. Everything is drawn from a seed.
"""
