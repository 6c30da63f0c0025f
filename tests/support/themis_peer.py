"""Real Themis (wasm) as a subprocess: ``tests/interop/themis-peer.js`` behind method calls."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from acra_twisted.sandbox.endings import bound

FOLDER = Path(__file__).parents[1] / "interop"


class ThemisError(Exception):
    """Real Themis refused; ``args[0]`` is its status."""


class ThemisPeer:
    """Bytes in arguments and results are bytes here."""

    def __init__(self) -> None:
        if not (FOLDER / "node_modules").exists():
            raise AssertionError("real Themis is not installed: run .ci/install-servers")
        self._node = subprocess.Popen(
            bound(["node", "themis-peer.js"]),
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert json.loads(self._node.stdout.readline())["ready"]

    def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The result of a command.  Raises ThemisError."""
        request = {"cmd": command, **{name: _pack(value) for name, value in arguments.items()}}
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        if not answer["ok"]:
            raise ThemisError(answer["error"]["code"], answer["error"]["message"])
        return {name: _unpack(value) for name, value in answer["result"].items()}

    def stop(self) -> None:
        """End the process."""
        self._node.stdin.close()
        self._node.wait(10)
        self._node.stdout.close()


def _pack(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [{name: _pack(item) for name, item in entry.items()} for entry in value]
    return value


def _unpack(value: Any) -> Any:
    return base64.b64decode(value) if isinstance(value, str) else value
