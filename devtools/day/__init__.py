"""`demo-day`: a shop's whole day, through every door, with faults; in the end two books must agree."""
