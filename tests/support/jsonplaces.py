"""Values that JSON can hold, and changes of them at any place."""

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
)


def changed(found, path, value):
    """A copy of what was read from JSON, with another value at a place."""
    if not path:
        return value
    first, *rest = path
    made = found.copy()
    made[first] = changed(found[first], rest, value)
    return made


def places(found, path=()):
    """Every place of a value in what was read from JSON."""
    yield path
    if isinstance(found, dict | list):
        for key in found if isinstance(found, dict) else range(len(found)):
            yield from places(found[key], (*path, key))
