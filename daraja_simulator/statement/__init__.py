"""The organization portal's statement of the ledger, in every shape in which shops receive it.

It is written from descriptions of real files, and shares no code with a reader of them. The shapes:

A  the portal's export, one account: a preamble with balances and totals, and 13 columns.
B  the portal's newer export: 7 columns, all texts. Only the file's name has the shortcode and the period.
C  a head office and its stores: 10 columns. Data rows have one separator more than the header.
D  the export of 2010: 11 columns, with Withdrawn before Paid In.
F  a daily file to an aggregator: no header, with withdrawn before paid in.

E, the consumer's own PDF, is left out.
"""
