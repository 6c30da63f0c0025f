"""Links to traces in another viewer, made of a template of its addresses."""

from __future__ import annotations

from typing import Final

from acra_twisted.optionkinds import Url

#: Stands for the trace id in a template.
PLACE: Final = "{trace_id}"


class LinkTemplate(Url):
    """An http or https address with ``{trace_id}`` in it, once or more; empty means none."""

    noun = "URL with {trace_id}"

    def parse(self, text: str) -> str:
        """Raises ValueError."""
        url = super().parse(text)
        if url and PLACE not in url:
            raise ValueError(
                "expected {trace_id} in it, such as http://localhost:16686/trace/{trace_id}"
            )
        return url


def address(template: str, trace_id: str) -> str:
    """Return the address of a trace, whose id is of hex digits; empty without a template."""
    return template.replace(PLACE, trace_id)
