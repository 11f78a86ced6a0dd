"""The gate that every outflow passes: it is done now, or it waits for a second person."""
