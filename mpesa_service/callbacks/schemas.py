"""What M-Pesa gets for a callback."""

from marshmallow import Schema, fields


class CallbackAnswerSchema(Schema):
    """What M-Pesa is told: stored."""

    ResultCode = fields.Integer()
    ResultDesc = fields.String()
