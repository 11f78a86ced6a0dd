"""Inquiries to M-Pesa: the status of a transaction, and the account balances."""
