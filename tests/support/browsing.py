"""Pages of planted consoles in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_INTEROP = Path(__file__).parents[1] / "interop"
_LOOK = _INTEROP / "console.js"
_DRIVE = _INTEROP / "browser.js"
_SCREEN = {"width": 1400, "height": 900, "dark": False, "script": True}
LIGHT: Mapping[str, Any] = {"name": "light", **_SCREEN}
DARK: Mapping[str, Any] = {**LIGHT, "name": "dark", "dark": True}
PHONE: Mapping[str, Any] = {**LIGHT, "name": "phone", "width": 390, "height": 844}
#: Without scripts.
BARE: Mapping[str, Any] = {**LIGHT, "name": "bare", "script": False}

#: On a sheet of A4 with its margins, printed from a dark screen.
PRINT: Mapping[str, Any] = {**DARK, "name": "print", "width": 703, "media": "print"}
#: Colours of the reader's own.
FORCED: Mapping[str, Any] = {**DARK, "name": "forced", "forced": True}


def _chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        raise AssertionError("no chromium: run .ci/install-servers")
    return found


@contextmanager
def served(module: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """Have a module serve (`consoleserver.serve`): the addresses of its pages by name, and its
    process."""
    with subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        # It ends when its standard input does.
        with process.stdin:
            yield json.loads(process.stdout.readline()), process


def looked(
    module: str, forms: Sequence[Mapping[str, Any]], pictures: Path | None = None
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Look at what a module serves (`consoleserver.serve`) in some forms.

    Return the addresses of the pages by name, and what was seen of each page in each form:
    see console.js.  Pictures are written to a folder, if one is given.
    """
    chromium = _chromium()
    with served(module) as (pages, _):
        asked = {
            "pages": list(pages.items()),
            "forms": list(forms),
            "pictures": str(pictures or ""),
        }
        done = subprocess.run(
            ["node", str(_LOOK), chromium],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=1800,
        )
    if done.returncode:
        raise AssertionError(done.stderr)
    return pages, [json.loads(line) for line in done.stdout.splitlines()]


class Browser:
    """A page in Chromium that a test drives; ``where`` is its address, without the origin.

    Each method raises AssertionError where that cannot be done: see browser.js.
    """

    def __init__(self, origin: str) -> None:
        self.where = ""
        self._process = subprocess.Popen(
            ["node", str(_DRIVE), _chromium(), origin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _do(self, act: str, **asked: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": act, **asked}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the browser has ended")
        answer = json.loads(line)
        self.where = answer["where"]
        if "error" in answer:
            raise AssertionError(f"{act} {asked}: {answer['error']}")
        return answer["value"]

    def open(self, at: str) -> None:
        """Open a page."""
        self._do("open", at=at)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self._do("press", key=key)

    def type(self, text: str) -> None:
        """Write a text where the focus is."""
        self._do("type", text=text)

    def click(self, of: str, at: tuple[float, float] = (0.5, 0.5)) -> None:
        """Click on a place of the first element that a selector finds."""
        self._do("click", of=of, at=at)

    def hover(self, of: str, at: tuple[float, float] = (0.5, 0.5)) -> None:
        """Point at such a place."""
        self._do("hover", of=of, at=at)

    def wait(self, until: str) -> None:
        """Wait until a JavaScript expression is true."""
        self._do("wait", until=until)

    def say(self, what: str) -> Any:
        """Return the value of a JavaScript expression."""
        return self._do("say", what=what)

    def set_offline(self, is_offline: bool) -> None:
        """Take the network away, or give it back."""
        self._do("offline", **{"is": is_offline})

    def errors(self) -> list[str]:
        """Return what the browser has reported since this was asked last."""
        found: list[str] = self._do("errors")
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(300)
        assert self._process.stdout is not None
        self._process.stdout.close()
