"""The one lifecycle of every command that M-Pesa takes now and answers later.

Intent (the row is committed first), acknowledgement, result or time-out on an address of its own; asked
about, or sent again where that is safe, when silent; in the end a person, and never a failure by our clock.

    command.py       `Command`: one locked row of a kind, and what each kind says for itself
    reports.py       what M-Pesa reports of a command, whichever of its addresses it came to
    sending.py       addresses, sending with no transaction open, and the answer to the first send
    apply_result.py  the judgement on a report: objections, doubts, what comes after the end
    callbacks.py     the four addresses: result, time-out, and both for a status query about the command
    due.py           queries about the commands that are due, kinds in turn

The kinds are in the rooms of their features: `refunds/command.py`, `payouts/command.py`,
`inquiries/command.py`. `callbacks/command_kinds.py` lists them.

To add a kind:

1. Its table has `CommandColumns` and `due_index`. A row is written before anything is sent: `id` by `new_id`,
   an `originator_conversation_id` of its own, the hashes of `tokens_of(vault, name, id)`, and
   `next_check_at` at `now + CALL_LIMIT`: a first send that is not accounted for by then was cut off.
2. It gets a subclass of `Command`, in the room of its feature, which says
   * `name`, the prefix of its edges and the purpose of its tokens, and `holds`: those that must all stand
     for it to be left alone;
   * `lock`: one row, after its parent if it has one; `claim`: one that is due and that nobody else has locked
     (`unparented_claim` does for a kind without a parent);
   * `ids`, its names in logs and in the inbox; `amount`, which its result must agree with;
   * `post`, which sends it to the addresses given; `may_resend`, whether a second send is safe;
   * `move` along its transition table, with audit trail and outgoing event. The edges are accepted, refused,
     unanswered, timed_out, paid, declined, unclear, unresolved and contradicted; `note` moves nothing;
   * `settle` and `release`, which book what was carried out or was not, and then move; `reopen`, which takes
     that back when M-Pesa says the contrary later; `receipt_taken` and `keep_receipt`.
   What it does in its own way it overrides: `refuse`, `resending`, `known_as`, `read`, `recognises`, `doubt`,
   `late`, `party`, `begun_at`.
3. It is added to `KINDS`, and the name of its id to `CallbackOutcome` and `CallbackInbox`. From then on its
   callbacks are understood, and it is sent again, asked about and given up when its time comes.
4. Whoever makes its rows commits the row, calls `send(runtime, command)` with no transaction open, locks the
   row again, and hands the answer to `conclude`, which returns the error if M-Pesa surely did nothing.

Nothing here commits but `due.py`, which owns its transactions.
"""
