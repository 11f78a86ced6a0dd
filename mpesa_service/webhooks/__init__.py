"""Everything that we post: events, endpoints, deliveries and their history."""
