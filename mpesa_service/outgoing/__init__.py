"""The money that goes out, refunds and payouts together: for lists and exports by day."""
