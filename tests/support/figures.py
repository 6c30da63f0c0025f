"""Rows of figures for tests."""

from hypothesis import strategies as st

from acra_twisted.telemetry.figures.buckets import COUNT
from acra_twisted.telemetry.figures.rows import COUNTERS, Layer, Row

NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 1 << 40))
_NAMES = st.sampled_from(["whole", "proxy", "link", "rows", "stage censor", "stage größer"])
_LAYERS = st.builds(
    Layer, NUMBERS, st.dictionaries(st.integers(0, COUNT - 1), st.integers(1, 1 << 30), max_size=8)
)


@st.composite
def rows(draw):
    """Any row."""
    row = Row()
    for name in COUNTERS:
        setattr(row, name, draw(NUMBERS))
    row.classes = draw(st.dictionaries(st.sampled_from(["23", "42", "57"]), st.integers(1, 99)))
    row.layers = draw(st.dictionaries(_NAMES, _LAYERS, max_size=6))
    return row


def total(*some):
    """The sum of rows, as plain values."""
    whole = Row()
    for row in some:
        whole.add(row)
    return whole.as_json()
