"""The verbs. Each owns its transactions; none is open, and no connection held, while Daraja is called."""
