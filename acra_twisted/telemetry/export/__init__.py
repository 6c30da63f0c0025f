"""Exporters: finished spans to every destination that is configured."""
