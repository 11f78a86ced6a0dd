"""`demo-day`: a shop's whole day with faults. At the end, the ledger and the record must agree."""
