"""The periodic jobs: `table.py` lists them, `celery_app.py` makes the Celery app, `celery` loads `worker.py`.

The database records what is due, so a lost broker message costs only one interval, and any number of workers
on any number of hosts may run.
"""
