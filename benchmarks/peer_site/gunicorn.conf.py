"""The hosting of the service; workers stay on one core each if PEER_ONE_CORE names the module for it."""

import importlib.util
import os
import sys

bind = os.environ["BIND"]
workers = int(os.environ["WEB_CONCURRENCY"])
worker_class = "gthread"
threads = int(os.environ["WEB_THREADS"])
timeout = 60
graceful_timeout = 30
keepalive = 75
accesslog = None
control_socket_disable = True


def post_worker_init(worker):
    """Keep the worker on one core, as the service does; the service itself is not installed here."""
    if path := os.environ.get("PEER_ONE_CORE"):
        spec = importlib.util.spec_from_file_location("one_core", path)
        module = sys.modules["one_core"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.stay(worker.age)
