"""Decisions of the second person: approves an action that waits, and carries it out, or rejects it."""
