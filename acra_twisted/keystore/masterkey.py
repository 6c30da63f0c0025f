"""The master key: from the environment, a file, or a command.  Never from a command line.

``ACRA_MASTER_KEY`` holds it in base64, as Acra has it; a file holds base64 or, as
``acra-keymaker --generate_master_key`` writes it, the bytes themselves; a command prints either.
"""

from __future__ import annotations

import base64
import binascii
import shlex
import subprocess
from collections.abc import MutableMapping

from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore import files
from acra_twisted.keystore.secret import Secret

VARIABLE = "ACRA_MASTER_KEY"
#: Bytes at least.
SIZE = 32
_COMMAND_TIMEOUT = 30.0


def load(environment: MutableMapping[str, str], file: str = "", command: str = "") -> Secret:
    """The master key from whichever source is set: file, command, environment.

    The variable is taken out of ``environment``, so that no child process gets it.  Raises
    KeyStoreError.
    """
    text = environment.pop(VARIABLE, "")
    if file and command:
        raise KeyStoreError("master_key_file and master_key_command: give one of them")
    if file:
        return _from_file(file)
    if command:
        return _from_command(command)
    if not text:
        raise KeyStoreError(
            f"no master key: set {VARIABLE}, master_key_file or master_key_command "
            f"(acra-keymaker --keystore=v1 --generate_master_key=FILE makes one)"
        )
    return decode(text.encode("utf-8", "surrogateescape"), VARIABLE, False)


def decode(data: bytes, where: str, raw: bool = True) -> Secret:
    """A key from base64 or, if ``raw`` is allowed, as it is.  Raises KeyStoreError."""
    try:
        found = base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        found = b""
    if len(found) >= SIZE:
        return Secret(found)
    if raw and len(data) >= SIZE:
        return Secret(data)
    form = "" if raw else ", in base64"
    raise KeyStoreError(f"{where}: this is no master key: at least {SIZE} bytes are needed{form}")


def _from_file(path: str) -> Secret:
    try:
        return decode(files.read_secret(path, "master_key_file"), f"master_key_file: {path}")
    except FileNotFoundError:
        raise KeyStoreError(
            f"master_key_file: there is no {path}; name the file that the keys were made with, or, "
            f"for new keys, run: acra-keymaker --keystore=v1 "
            f"--generate_master_key={shlex.quote(path)}"
        ) from None


def _from_command(command: str) -> Secret:
    try:
        words = shlex.split(command)
        if not words:
            raise KeyStoreError("master_key_command: it names no program")
        done = subprocess.run(  # noqa: S603 - the operator's own command, and no shell
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise KeyStoreError(
            f"master_key_command: no answer within {_COMMAND_TIMEOUT:g} seconds"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeyStoreError(f"master_key_command: cannot be run: {why}") from None
    if done.returncode:
        raise KeyStoreError(f"master_key_command: ended with status {done.returncode}")
    return decode(done.stdout, "master_key_command")
