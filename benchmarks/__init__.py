"""How fast the service is, against what it could be at best and against its peers: `python -m benchmarks`."""
