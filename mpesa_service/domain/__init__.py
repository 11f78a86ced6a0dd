"""Pure rules: states, decisions, money and phone numbers. There is no I/O, no framework and no clock here."""
