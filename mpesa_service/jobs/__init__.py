"""What is done without being asked: `table.py` says what and how often, `worker.py` is the Celery app.

The database says what is due, so a lost broker message costs one interval, and any number of workers
on any number of hosts may run.
"""
