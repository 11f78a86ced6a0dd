"""The parts that every room uses: database, locks, batching, encryption, limits. No feature is in here."""
