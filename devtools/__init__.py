"""Simulator and service together on one machine: `python -m devtools run`, or `demo`.

The simulator and the service are child processes, and are talked to over HTTP only; nothing of them is
imported here but the service's configuration.
"""
