"""The doctor's check of the settings: the rules of the start, and what may have changed since."""

from collections.abc import Iterator

from mpesa_service.config import RULES, out_of_date
from mpesa_service.core.runtime import Runtime
from mpesa_service.operations.check_results import CheckResult, good, warning, wrong

SETTINGS = "settings"
CERTIFICATE = "certificate"
FIX = "Correct the environment, see docs/configuration.md. The service does not start again as it is."
DATE_FIX = (
    "M-Pesa has accepted certificates past their end. If it refuses the initiator, download the current"
    " certificate from Safaricom's portal."
)


def settings(runtime: Runtime) -> Iterator[CheckResult]:
    """Repeat the rules of the start, and check the dates of the certificate."""
    problems = [problem for rule in RULES.values() for problem in rule(runtime.settings)]
    for problem in problems:
        yield wrong(SETTINGS, problem, FIX)
    if not problems:
        yield good(SETTINGS, f"all rules hold: {', '.join(RULES)}")
    if found := out_of_date(runtime.settings, runtime.clock()):
        yield warning(CERTIFICATE, found, DATE_FIX)
