"""Batches of payouts from the shop to phones and businesses."""
