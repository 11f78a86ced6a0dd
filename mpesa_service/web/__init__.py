"""The common parts of all routes: the blueprint, guards, request parsing, responses and errors."""
