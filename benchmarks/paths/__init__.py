"""The paths that are measured: each module has a `measure` that returns its rows."""
