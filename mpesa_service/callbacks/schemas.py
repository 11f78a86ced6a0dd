"""What M-Pesa gets for a callback."""

from marshmallow import Schema, fields


class CallbackAnswerSchema(Schema):
    """The answer to M-Pesa: stored."""

    ResultCode = fields.Integer()
    ResultDesc = fields.String()
