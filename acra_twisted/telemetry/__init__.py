"""Report events to people and machines: spans, metrics, logs, pages."""
