"""Draw the picture of docs/performance.rst from the table on that page."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

#: Readers have light and dark screens; the picture brings its own background for both.
_STYLE = """
  text { font: 13px sans-serif; fill: #1f2328 } .card { fill: #ffffff } .bar { fill: #2f6fb4 }
  .other { fill: #9aa4ae }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .card { fill: #1b1f24 } .bar { fill: #5aa2ee } .other { fill: #6b7681 }
  }
"""
_LEFT, _SCALE, _ROW = 300, 380, 26


def rates(page: str) -> list[tuple[str, float]]:
    """Return the setups of the page's first table and their rates of simple transactions."""
    # Its names are long; those of other tables are followed by a rate sooner.
    rows = re.findall(r"(?m)^(\w(?:(?!\d\.\d\d)[^\n]){40,}?) {2,}(\d\.\d\d) ", page)
    return [(name.strip(), float(rate)) for name, rate in rows]


def performance_picture(page: Path) -> str:
    """Return an SVG with a bar for each setup."""
    found = [("direct connection", 1.0), *rates(page.read_text())]
    height = _ROW * len(found) + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" width="760">',
        "<title>Rates of simple transactions, as ratios to a direct connection</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="760" height="{height}" rx="6"/>',
    ]
    for number, (name, rate) in enumerate(found):
        top = 12 + number * _ROW
        kind = "bar" if name.startswith(("server", "two servers", "connector")) else "other"
        lines += [
            f'<text x="{_LEFT - 10}" y="{top + 16}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{top + 3}" width="{rate * _SCALE:.0f}" '
            'height="18" rx="2"/>',
            f'<text x="{_LEFT + rate * _SCALE + 8:.0f}" y="{top + 16}">{rate:.2f}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
