"""What happened, told to people and machines: spans, metrics, logs, pages."""
