"""The one lifecycle of every command that M-Pesa accepts first and answers later.

The row is committed before anything is sent. An acknowledgement follows, and then a result or time-out on the
command's own address. Without a result, the command is queried, or sent again where that is safe. In the
end, a person decides. A command never fails because time has passed.

    command.py       `Command`: one locked row, what each kind defines, and reports on the command
    sending.py       addresses, sending with no transaction open, and the answer to the first send
    stopping.py      which codes stop further commands: a refused initiator, an unknown code in a row
    apply_result.py  the decision on a report: mismatches, inconclusive and late reports
    callbacks.py     the four addresses: result, time-out, and both for a status query about the command
    due.py           queries about the commands that are due, one kind after the other

The kinds are in the packages of their features: `refunds/command.py`, `payouts/command.py`,
`inquiries/command.py`. `callbacks/handlers.py` lists them.

To add a kind:

1. Its table has `CommandColumns` and `due_index`. A row is written before anything is sent: `id` by `new_id`,
   an `originator_conversation_id` of its own, the hashes of `tokens_of(encryption, name, id)`, and
   `next_check_at` at `now + CALL_LIMIT`: a first send without an outcome by then was interrupted.
2. It gets a subclass of `Command`, in the package of its feature. `Command` says what each attribute and
   method is for. The edges of its transition table are accepted, refused, unanswered, timed_out, paid,
   declined, unclear, unresolved and contradicted.
3. It is added to `KINDS`, and the name of its id to `CallbackOutcome` and `CallbackInbox`. From then on its
   callbacks are applied, and it is sent again, queried and sent to review on schedule.
4. The code that creates a row commits it, calls `send(runtime, command)` with no transaction open, locks the
   row again, and passes the answer to `conclude`, which returns the error if M-Pesa surely did nothing.

Only `due.py` commits; it owns its transactions.
"""
