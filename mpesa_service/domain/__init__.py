"""Pure rules: states, decisions, money and phone numbers. No I/O, no framework, no clock of its own."""
