"""Numbers, times and names as the console shows them, the same in every view."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import escape

from acra_twisted.telemetry.pages.marks import visible, visible_in_page

MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
#: Stands for what cannot be.
NOTHING: Final = "\N{EN DASH}"
#: A change this small is none: share of the value before, and milliseconds.
_NOISE, _NOISE_MS = 0.05, 0.02
#: A change is worse where it is more than both.
_WORSE, _WORSE_MS = 0.10, 0.1
_NAME_MAX: Final = 120
_MORE: Final = "\N{HORIZONTAL ELLIPSIS}"
#: Bytes of a page for each of the characters that a text may have.
_ROOM: Final = 2
#: Texts that take a byte for each character, and may have been cut.
_LIGHT: Final = re.compile(f"[^\\x00-\\x1f\\x7f-\\U0010ffff&<>\"']*{_MORE}?")
_ID_SHOWN: Final = 8
_MILLION: Final = 1_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def ms(value: float, unit: bool = True) -> str:
    """Milliseconds with three significant digits; from a second on with a larger unit, always."""
    if value >= 1000:
        return long(value / 1000)
    if value >= 100:
        text = f"{value:.0f}"
    elif value >= 10:
        text = f"{value:.1f}"
    elif value >= 1:
        text = f"{value:.2f}"
    elif value >= 0.0005:
        text = f"{value:.3f}"
    else:
        text = "0"
    return f"{text} ms" if unit else text


def level(value: float) -> str:
    """Milliseconds of a grid's line, which are round: ``10 ms``, ``0.5 ms``, ``2 s``."""
    number, _, unit = ms(value).partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number} {unit}"


def long(seconds: float) -> str:
    """Seconds: ``2.96 s``, ``4 min 12 s``, ``3 h 05 min``, ``6 d 04 h``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def px(value: float) -> str:
    """A number as short as it can be, with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"


def exact_ms(value: float) -> str:
    """Milliseconds of a span, to the microsecond."""
    return f"{value:.3f} ms"


def count(value: float) -> str:
    """A number of things: ``604,220``, ``1.41 M``."""
    if value >= _MILLION:
        return f"{value / _MILLION:.2f} M"
    return f"{value:,.0f}"


def several(number: int, name: str) -> str:
    """A number with the name of what it counts, which takes an s."""
    return f"{count(number)} {name}{'' if number == 1 else 's'}"


def rate(per_second: float) -> str:
    """``1,284 /s``, ``8.5 /s``, ``< 0.1 /s``."""
    return f"{_short(per_second)} /s"


def share(part: float, whole: float) -> str:
    """``61 %``, ``8.5 %``, ``< 0.1 %``; of nothing there is no share."""
    if not whole:
        return NOTHING
    return f"{_short(100 * part / whole)} %"


def _short(value: float) -> str:
    if value >= 10:
        return f"{value:,.0f}"
    if value >= 0.1:
        return f"{value:.1f}"
    return "< 0.1" if value > 0 else "0"


def size(number: float) -> str:
    """Bytes, in thousands: ``814 B``, ``2.1 kB``, ``1.3 MB``."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
            )
        number /= 1000
    return f"{number:.1f} GB"


def is_same(before: float, now: float) -> bool:
    """Return True if the difference of two means in milliseconds is noise."""
    return abs(now - before) <= max(_NOISE * before, _NOISE_MS)


def is_worse(before: float, now: float) -> bool:
    """Return True if a mean in milliseconds has grown so that somebody should look."""
    return now - before > max(_WORSE * before, _WORSE_MS)


def change(before: float, now: float) -> str:
    """A change in percent: ``+971 %``, ``same``; without a value before there is none."""
    if not before:
        return NOTHING
    if is_same(before, now):
        return "same"
    return f"{signed(100 * (now - before) / before)} %"


def times(usual: float, now: float) -> str:
    """How many times as long as is usual, with the sign of a product: ``15 x``, ``1.1 x``."""
    factor = now / usual if usual else 0.0
    return f"{factor:,.0f} {TIMES}" if factor >= 10 else f"{factor:.1f} {TIMES}"


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign: ``+44.366``, and a true minus."""
    return f"{value:+,.{digits}f}".replace("-", MINUS)


def short_id(text: str) -> str:
    """The first digits of an id."""
    return text[:_ID_SHOWN]


def name(text: str) -> str:
    """A name from outside, short enough, in which nothing acts: controls and characters that turn
    the direction of a text are shown as their numbers."""
    return cut(visible(text[: _NAME_MAX + 1]), _NAME_MAX)


def cut(text: str, most: int) -> str:
    """The beginning of a text, which says that there is more: so many characters at most, and fewer
    of those that take much room in a page."""
    shown = text if len(text) <= most else text[: most - 1] + _MORE
    if _LIGHT.fullmatch(shown) is not None:
        return shown
    room = _ROOM * most
    for place, character in enumerate(shown):
        room -= bytes_of(character)
        if room < 0:
            return shown[: max(place - 1, 0)] + _MORE
    return shown


def bytes_of(text: str) -> int:
    """Return how many bytes a text takes in a page, where it is escaped and nothing in it acts."""
    if _LIGHT.fullmatch(text) is not None:
        return len(text.encode())
    return len(visible_in_page(escape(text)).encode("utf-8", "replace"))


def clock(nanoseconds: int) -> str:
    """The time of day of a moment, UTC: ``09:14``."""
    minutes = nanoseconds // (_MINUTE * 1_000_000_000)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def clock_ms(nanoseconds: int) -> str:
    """The time of day of a moment, UTC, to the millisecond: ``09:57:41.306``."""
    milliseconds = nanoseconds // 1_000_000
    seconds = milliseconds // 1000 % _MINUTE
    return f"{clock(nanoseconds)}:{seconds:02d}.{milliseconds % 1000:03d}"


def clock_s(nanoseconds: int) -> str:
    """The time of day of a moment, UTC, to the second: ``09:57:41``."""
    return clock_ms(nanoseconds)[:8]
