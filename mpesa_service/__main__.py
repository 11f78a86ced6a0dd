"""The `mpesa` command where it is not installed: python -m mpesa_service"""

from mpesa_service.cli.root import mpesa_cli

mpesa_cli(prog_name="mpesa")
