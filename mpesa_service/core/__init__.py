"""The parts that every package uses: database, locks, batching, encryption, limits. No feature is in here."""
