"""What is measured: one module a path, each with a `measure` that returns its rows."""
