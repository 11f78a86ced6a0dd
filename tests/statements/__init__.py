"""Statements of the organization portal."""
