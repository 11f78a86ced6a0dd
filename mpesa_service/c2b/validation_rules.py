"""The rules by which validation accepts or rejects C2B payments. Admins change them in the database."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.validation import ShortcodeRules
from mpesa_service.models import C2bRule
from mpesa_service.models.statements import insert_once

log = logging.getLogger("mpesa_service.audit")


@dataclass(frozen=True)
class RuleRecord:
    """The rules of a shortcode, who set them, and when. Both are None while the defaults apply."""

    shortcode: str
    reference: ReferenceRule
    amount: AmountRule
    when_unsure: WhenUnsure
    updated_by: str | None = None
    updated_at: datetime | None = None

    @property
    def rule(self) -> ShortcodeRules:
        return ShortcodeRules(self.reference, self.amount, self.when_unsure)


@dataclass(frozen=True)
class RuleChange:
    """What to change of the rules; None leaves a part as it is."""

    reference: ReferenceRule | None = None
    amount: AmountRule | None = None
    when_unsure: WhenUnsure | None = None


def show_rules(runtime: Runtime) -> RuleRecord:
    """Return the rules of the shortcode."""
    with runtime.database.read() as session:
        return read_rules(runtime, session)


def read_rules(runtime: Runtime, session: Session) -> RuleRecord:
    """Return the rules of the shortcode, in a transaction of the caller's."""
    row = session.get(C2bRule, runtime.settings.mpesa_shortcode)
    return _usual(runtime) if row is None else _record(row)


def change_rules(runtime: Runtime, principal: Principal, change: RuleChange) -> RuleRecord:
    """Change the rules of the shortcode. Validation applies them from the next payment on."""
    usual, now = _usual(runtime), runtime.clock()
    with runtime.database.begin() as session:
        columns = {
            "shortcode": usual.shortcode,
            "reference_rule": usual.reference,
            "amount_rule": usual.amount,
            "when_unsure": usual.when_unsure,
            "updated_by": principal.subject,
            "updated_at": now,
        }
        insert_once(session, C2bRule, columns)
        statement = select(C2bRule).where(C2bRule.shortcode == usual.shortcode).with_for_update()
        row = session.scalars(statement).one()
        row.reference_rule = change.reference or row.reference_rule
        row.amount_rule = change.amount or row.amount_rule
        row.when_unsure = change.when_unsure or row.when_unsure
        row.updated_by, row.updated_at = principal.subject, now
        session.flush()
        record = _record(row)
    rules = {"reference": record.reference, "amount": record.amount, "when_unsure": record.when_unsure}
    log.info("c2b rules changed", extra={**rules, "actor": principal.subject})
    return record


def _usual(runtime: Runtime) -> RuleRecord:
    unsure = WhenUnsure(runtime.settings.c2b_when_unsure)
    return RuleRecord(runtime.settings.mpesa_shortcode, ReferenceRule.OPEN, AmountRule.ANY, unsure)


def _record(row: C2bRule) -> RuleRecord:
    return RuleRecord(
        shortcode=row.shortcode,
        reference=ReferenceRule(row.reference_rule),
        amount=AmountRule(row.amount_rule),
        when_unsure=WhenUnsure(row.when_unsure),
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )
