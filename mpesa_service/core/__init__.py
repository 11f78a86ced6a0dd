"""What every room stands on: the database, locks, batching. No feature is in here."""
