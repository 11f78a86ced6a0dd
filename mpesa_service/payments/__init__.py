"""Payments by STK push: start, reconcile, list and export."""
