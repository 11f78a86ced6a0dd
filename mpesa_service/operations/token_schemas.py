"""Schemas of revoked tokens."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from mpesa_service.web.auth import is_subject
from mpesa_service.web.fields import ReasonField, RequestSchema, text_field, time_field


class RevokeSchema(RequestSchema):
    """What is revoked: one token by its `jti`, or all tokens of a subject issued until now."""

    token_id = fields.String(
        data_key="jti", load_default=None, metadata={"description": "The `jti` of one token."}
    )
    subject = fields.String(
        data_key="sub",
        load_default=None,
        metadata={"description": "The `sub` whose tokens are revoked, all that were issued until now."},
    )
    reason = ReasonField(required=True)

    @validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        named = [(name, data.get(key)) for name, key in (("jti", "token_id"), ("sub", "subject"))]
        given = [(name, value) for name, value in named if value is not None]
        if len(given) != 1:
            raise ValidationError("give either `jti` or `sub`.", "jti")
        [(name, value)] = given
        if not is_subject(value):
            raise ValidationError("must be 1 to 255 printable characters.", name)


class RevocationSchema(Schema):
    """A revocation of one token or of a subject's tokens. It never shows a token."""

    token_id = text_field("jti", "The token that is revoked.")
    subject = text_field("sub", "The subject whose tokens are revoked, all that were issued until then.")
    revoked_at = time_field("revokedAt")
    revoked_by = fields.String(data_key="revokedBy")
    reason = fields.String()
