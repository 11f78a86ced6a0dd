"""The doctor: checks for everything that can keep this installation from taking payments.

No check moves money or changes a setting. One check queries Daraja about a payment that does not exist: the
answer shows which of the consumer key, the secret, the shortcode and the passkey is wrong.
"""

from collections.abc import Iterator
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import requests
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core import suspensions
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, InvalidToken, NotSent, Refused, Throttled, advice
from mpesa_service.daraja.codes import ErrorCode, ErrorKind
from mpesa_service.daraja.command_results import command_result
from mpesa_service.daraja.transport import new_session
from mpesa_service.errors import ServiceError
from mpesa_service.inquiries.request import QueriedTooSoon, query_balance_again, wait_for
from mpesa_service.models.inquiries import InquiryStatus
from mpesa_service.operations.approvals import approvals
from mpesa_service.operations.check_results import Check, CheckResult, good, skipped, warning, wrong
from mpesa_service.operations.overdue import oldest_due
from mpesa_service.operations.pull_check import pull_transactions
from mpesa_service.operations.readiness import SCHEMA_REVISION, unready_because
from mpesa_service.operations.settings_check import settings
from mpesa_service.operations.used_keys import keys_problem
from mpesa_service.operations.waiting import what_waits

UNKNOWN_CHECKOUT_ID = "ws_CO_01012020000000000700000000"
"""An id of the right shape that no push ever had."""
NO_PRODUCT = "401.003.01"
"""The app lacks the API product. This is a fault of the app, as a wrong key is, not of the shortcode."""
MOST_SKEW = timedelta(seconds=30)
OVERDUE = timedelta(minutes=3)
TIMEOUT = (3.0, 5.0)

KEYS = "consumer key and secret"
PASSKEY = "shortcode and passkey"
INITIATOR = "initiator"
INITIATOR_PATIENCE = 20.0
"""Seconds; M-Pesa's answers take seconds to minutes."""
INITIATOR_SETTINGS = (
    "The settings are MPESA_INITIATOR_NAME, and MPESA_SECURITY_CREDENTIAL or MPESA_INITIATOR_PASSWORD with"
    " MPESA_CERTIFICATE_PATH."
)
DOCTOR = "doctor"
CALLBACK = "callback address"
CLOCK = "clock"
DATABASE = "database"
STORED_KEYS = "keys"
WORKER = "worker"
SUSPENSIONS = "suspensions"

KEYS_ADVICE = "Correct PHONE_ENCRYPTION_KEYS or PHONE_HASH_KEY: see Secrets in docs/going-live.md."
NETWORK_ADVICE = "Check the network, any proxy or firewall on the way, and MPESA_BASE_URL; then try again."
NO_ANSWER_ADVICE = (
    "M-Pesa accepted the query and posts its answer to MPESA_CALLBACK_URL: check the callback address. M-Pesa"
    " may also be slow; run the doctor again in a minute."
)
TOO_SOON_ADVICE = (
    "Run the doctor again in ten seconds. It does not query sooner, because failures lock an initiator."
)
SUSPENDED_ADVICE = (
    "Resume them: mpesa suspensions resume refunds --by NAME, and mpesa suspensions resume payouts --by NAME."
)
CALLBACK_ADVICE = (
    "M-Pesa must reach MPESA_CALLBACK_URL from the internet, and the address must lead to this service's"
    " /api/mpesa/callback. Check DNS, the certificate, the proxy, and that the service runs."
)


def run_checks(runtime: Runtime) -> Iterator[CheckResult]:
    """Yield the results one by one, as the checks finish."""
    for check in CHECKS:
        yield from check(runtime)


def database(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that the database answers, and that its schema has the revision of this code."""
    problem = unready_because(runtime)
    if problem is None:
        yield good(DATABASE, f"reachable, schema {SCHEMA_REVISION}")
    else:
        yield wrong(DATABASE, problem, "Check DATABASE_URL and its server; then: mpesa migrate")


def keys(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that this process has the keys that stored data was made with."""
    try:
        problem = keys_problem(runtime, store=False)
    except SQLAlchemyError:
        yield skipped(STORED_KEYS, "not checked: the database does not answer, or has no tables")
        return
    if problem is None:
        yield good(STORED_KEYS, "decrypt what is stored")
    else:
        yield wrong(
            STORED_KEYS,
            problem,
            KEYS_ADVICE,
        )


def credentials(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that Daraja accepts the key, the secret, the shortcode and the passkey."""
    try:
        runtime.daraja.stk_query(UNKNOWN_CHECKOUT_ID)
    except DarajaError as error:
        yield from _credential_results(error)
    except SQLAlchemyError:
        yield skipped(KEYS, "not checked: the access token is stored in the database")
        yield skipped(PASSKEY, "not checked")
    else:  # any result for this id means that Daraja accepted the credentials
        yield good(KEYS, "accepted")
        yield good(PASSKEY, "accepted")


def _credential_results(error: DarajaError) -> Iterator[CheckResult]:
    """Yield what an error means for the key and secret, and for the passkey, which needs them."""
    entry = _entry(error)
    message, fix = f"{_speaker(error)}: {error}", entry.advice if entry and entry.advice else NETWORK_ADVICE
    judged = isinstance(error, Refused) and not isinstance(error, Throttled | InvalidToken)
    if judged and entry is not None and entry.code != NO_PRODUCT:
        yield good(KEYS, "accepted")
        known = entry.kind in {ErrorKind.UNKNOWN_ID, ErrorKind.PENDING}
        yield good(PASSKEY, "accepted") if known else wrong(PASSKEY, message, fix)
        return
    sure = judged or isinstance(error, NotSent | InvalidToken)
    yield (wrong if sure else warning)(KEYS, message, fix)
    yield skipped(PASSKEY, "not checked")


def _speaker(error: DarajaError) -> str:
    """Return whose words an error has: what was not sent, M-Pesa cannot have refused."""
    refused = isinstance(error.__cause__, DarajaError) and not isinstance(error.__cause__, NotSent)
    return "Not sent" if isinstance(error, NotSent) and not refused else "Daraja"


def _entry(error: DarajaError) -> ErrorCode | None:
    """Return the entry of the error's code; without a token, that of the answer which refused the token."""
    cause = error.__cause__
    return error.entry or (cause.entry if isinstance(cause, DarajaError) else None)


def initiator(runtime: Runtime, wait_seconds: float = INITIATOR_PATIENCE) -> Iterator[CheckResult]:
    """Check that M-Pesa accepts the initiator's name, password and certificate, and that its answer arrives.

    The check sends a new query for the account balances, even while refunds and payouts are suspended: an
    older answer may be for other settings. It sends one query only, because repeated failures lock an
    initiator.
    """
    if runtime.settings.mpesa_initiator_name is None:
        yield skipped(INITIATOR, "MPESA_INITIATOR_NAME is not set: no refunds, payouts or balances")
        return
    try:
        inquiry = query_balance_again(runtime, DOCTOR)
        found = wait_for(runtime, inquiry, wait_seconds)
        in_force = {one.name for one in suspensions.list_all(runtime)}
        still = sorted(in_force & {suspensions.REFUNDS, suspensions.PAYOUTS})
    except QueriedTooSoon as error:
        yield warning(INITIATOR, error.message, TOO_SOON_ADVICE)
        return
    except ServiceError as error:
        cause = error.__cause__
        message = f"Not sent: {cause}" if isinstance(cause, NotSent) else error.message
        yield wrong(INITIATOR, message, f"{advice.INITIATOR} {INITIATOR_SETTINGS}")
        return
    except SQLAlchemyError:
        yield skipped(INITIATOR, "not checked: the database does not answer")
        return
    if found.status == InquiryStatus.ANSWERED and still:
        words = f"accepted, and M-Pesa's answer arrived; {' and '.join(still)} are still suspended"
        yield warning(INITIATOR, words, SUSPENDED_ADVICE)
    elif found.status == InquiryStatus.ANSWERED:
        yield good(INITIATOR, "accepted, and M-Pesa's answer arrived")
    elif found.completed_at is not None:
        message = f"M-Pesa: {found.failure_reason or 'no'} ({found.result_code})"
        fix = command_result(found.result_code).advice or advice.INITIATOR
        yield wrong(INITIATOR, message, f"{fix} {INITIATOR_SETTINGS}")
    else:
        yield warning(INITIATOR, f"no answer within {wait_seconds:.0f} s", NO_ANSWER_ADVICE)


def suspended(runtime: Runtime) -> Iterator[CheckResult]:
    """Report the suspensions that are not about the initiator, such as that by an unknown result code."""
    try:
        in_force = suspensions.list_all(runtime)
    except SQLAlchemyError:
        yield skipped(SUSPENSIONS, "not known: the database does not answer")
        return
    others = [one for one in in_force if one.name not in {suspensions.REFUNDS, suspensions.PAYOUTS}]
    for one in others:
        fix = f"Fix the cause, then: mpesa suspensions resume {suspensions.group_of(one.name)} --by NAME"
        yield warning(SUSPENSIONS, f"{one.name}: {one.reason}", fix)
    if not others:
        yield good(SUSPENSIONS, "no result of M-Pesa suspends a kind of command")


def callback_address(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that the callback address is https and leads to this service."""
    url = runtime.settings.callback_url
    try:
        with new_session() as session:
            answer = session.get(url, timeout=TIMEOUT, allow_redirects=False)
    except (OSError, requests.RequestException) as error:
        yield wrong(CALLBACK, f"{url} cannot be reached ({type(error).__name__})", CALLBACK_ADVICE)
        return
    if answer.status_code != 405 or "X-Request-Id" not in answer.headers:
        yield wrong(CALLBACK, f"{url} answers {answer.status_code}, and not as this service", CALLBACK_ADVICE)
    elif url.startswith("http://"):
        yield warning(CALLBACK, f"{url} leads here, without https", "Production accepts https only.")
    else:
        yield good(CALLBACK, f"{url} leads here")


def clock(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that this machine's clock agrees with Daraja's: the password of a push contains the time."""
    try:
        with new_session() as session:
            answer = session.get(runtime.settings.daraja_base_url, timeout=TIMEOUT, allow_redirects=False)
        theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (OSError, ValueError, requests.RequestException) as error:
        yield skipped(CLOCK, f"Daraja's time is not known ({type(error).__name__})")
        return
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    skew = abs(runtime.clock() - theirs)
    if skew > MOST_SKEW:
        found = f"{skew.total_seconds():.0f} s away from Daraja's"
        yield wrong(CLOCK, found, "Set this machine's clock by NTP.")
    else:
        yield good(CLOCK, f"within {MOST_SKEW.seconds} s of Daraja's")


def worker(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that a worker runs the jobs: no due work waits for long."""
    now = runtime.clock()
    try:
        oldest = oldest_due(runtime)
    except SQLAlchemyError:
        yield skipped(WORKER, "not known: the database does not answer")
        return
    if oldest is not None and now - oldest[0] > OVERDUE:
        minutes = int((now - oldest[0]).total_seconds() // 60)
        fix = "Start the worker: mpesa worker (see docs/going-live.md), and read its log."
        yield wrong(WORKER, f"the oldest due work ({oldest[1]}) has waited for {minutes} minutes", fix)
    else:
        yield good(WORKER, "nothing is overdue")


def waiting(runtime: Runtime) -> Iterator[CheckResult]:
    """Check that no callback, statement or mismatch waits for a person. Without one, it has no result."""
    for finding in what_waits(runtime):
        yield wrong(*finding)


CHECKS: tuple[Check, ...] = (
    settings,
    database,
    keys,
    credentials,
    callback_address,
    initiator,
    pull_transactions,
    suspended,
    approvals,
    clock,
    worker,
    waiting,
)
