"""Payments, payouts and money that need a person's decision."""
