"""What is done without being asked: `table.py` says what and how often, `celery_app.py` makes the Celery
app, `worker.py` is what `celery` loads.

The database says what is due, so a lost broker message costs one interval, and any number of workers
on any number of hosts may run.
"""
