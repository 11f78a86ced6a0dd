"""The invariants: rules that the stored data must obey, one function for each rule."""
