"""What every room uses: the runtime, the database, encryption, idempotency keys, logs."""
