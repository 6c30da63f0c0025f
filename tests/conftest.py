"""pytest: trial's mktemp makes folders below the current one; give it one that goes away."""

import os
import shutil
import tempfile

import pytest

from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.places import KEPT

# Servers that tests start end with the tests, whoever ends these, and how.
in_order()

#: Where temporary files cost least, and the bytes that must be free there.
_MEMORY, _ROOM = "/dev/shm", 4 << 30


def _fits() -> bool:
    """Return True if temporary files, among which are databases and programs, may be in memory."""
    try:
        place = os.statvfs(_MEMORY)
    except OSError:
        return False
    free = place.f_bavail * place.f_frsize
    return free >= _ROOM and not place.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK)


if "TMPDIR" not in os.environ and _fits():
    os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY


@pytest.fixture(autouse=True, scope="session")
def _elsewhere():
    before = os.getcwd()
    folder = tempfile.mkdtemp(prefix="acra-tests-")
    kept = os.path.join(folder, "clusters")
    os.mkdir(kept)
    os.environ.setdefault(KEPT, kept)
    os.chdir(folder)
    yield
    os.chdir(before)
    shutil.rmtree(folder, ignore_errors=True)
