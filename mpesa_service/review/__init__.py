"""What waits for a person's decision."""
