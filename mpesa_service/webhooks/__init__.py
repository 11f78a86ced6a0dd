"""Webhooks: events, endpoints, deliveries and their history."""
