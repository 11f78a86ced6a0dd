"""Questions to M-Pesa: a transaction's status, an account's balance."""
