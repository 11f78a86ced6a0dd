"""The `mpesa` command without installation: python -m mpesa_service"""

from mpesa_service.cli.root import mpesa_cli

mpesa_cli(prog_name="mpesa")
