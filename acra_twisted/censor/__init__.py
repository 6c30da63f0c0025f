"""AcraCensor: rules over SQL statements, and the decision on each.  Pure: no sockets, no files."""
