"""What every route shares: the blueprint, guards, reading requests, answers and errors."""
