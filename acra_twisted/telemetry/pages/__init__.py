"""The HTTP port: metrics, health and the trace pages."""
