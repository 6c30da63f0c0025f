"""Addresses of what the console shows of one statement."""

from __future__ import annotations

from urllib.parse import quote

from acra_twisted.telemetry.console.ranges import Range


def address(shape_id: str) -> str:
    """Return the address of one statement."""
    return f"/console/statement?id={quote(shape_id)}"


def traces_of(shape_id: str, span: Range | None = None) -> str:
    """Return the address of the traces of a statement that are kept, of all times or of one."""
    since = "" if span is None else f"&since={span.key}"
    return f"/console/traces?shape={quote(shape_id)}{since}"
