"""A seeded simulation of the sync: the product's rules run as they are; time, QuickBooks, people and crashes are drawn."""
