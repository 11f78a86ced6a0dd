"""Measures the service beside floors and peers: `python -m benchmarks`."""
