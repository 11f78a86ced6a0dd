"""Statements of the organization portal: reads files, matches them with the payments, books missing money."""
