"""Tools for development: `python -m devtools run`, `demo` and `demo-day`.

They run the simulator, the service and the worker as child processes and call them over HTTP only. They
import only the configuration of the service.
"""
