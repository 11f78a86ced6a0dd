"""The processes, threads and timeouts of the service's gunicorn.conf.py."""

import os

bind = os.environ["BIND"]
workers = int(os.environ["WEB_CONCURRENCY"])
worker_class = "gthread"
threads = int(os.environ["WEB_THREADS"])
timeout = 60
graceful_timeout = 30
keepalive = 75
accesslog = None
control_socket_disable = True
