"""Pages of planted consoles in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LOOK = Path(__file__).parents[1] / "interop" / "console.js"
_SCREEN = {"width": 1400, "height": 900, "dark": False, "script": True}
LIGHT: Mapping[str, Any] = {"name": "light", **_SCREEN}
DARK: Mapping[str, Any] = {**LIGHT, "name": "dark", "dark": True}
PHONE: Mapping[str, Any] = {**LIGHT, "name": "phone", "width": 390, "height": 844}
#: Without scripts.
BARE: Mapping[str, Any] = {**LIGHT, "name": "bare", "script": False}


def looked(
    module: str, forms: Sequence[Mapping[str, Any]], pictures: Path | None = None
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Look at what a module serves (`consoleserver.serve`) in some forms.

    Return the addresses of the pages by name, and what was seen of each page in each form:
    see console.js.  Pictures are written to a folder, if one is given.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise AssertionError("no chromium: run .ci/install-servers")
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        # It ends when its standard input does.
        try:
            assert served.stdout is not None
            pages: dict[str, str] = json.loads(served.stdout.readline())
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
        finally:
            assert served.stdin is not None
            served.stdin.close()
    if done.returncode:
        raise AssertionError(done.stderr)
    return pages, [json.loads(line) for line in done.stdout.splitlines()]
