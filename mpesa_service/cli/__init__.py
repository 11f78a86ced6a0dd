"""The `mpesa` command: `root.py` lists the commands; each other module has the commands of one feature.

Nothing is imported here: `mpesa --help` must be quick.
"""
