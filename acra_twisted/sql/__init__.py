"""SQL text: tokens, redaction, comments that carry trace context."""
