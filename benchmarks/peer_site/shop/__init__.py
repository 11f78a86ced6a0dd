"""The shop that uses the peers."""
