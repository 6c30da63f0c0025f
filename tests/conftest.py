"""pytest: trial's mktemp makes folders below the current one; give it one that goes away."""

import os
import shutil
import tempfile

import pytest

from acra_twisted.sandbox.endings import in_order

# Servers that tests start end with the tests, whoever ends these, and how.
in_order()


@pytest.fixture(autouse=True, scope="session")
def _elsewhere():
    before = os.getcwd()
    folder = tempfile.mkdtemp(prefix="acra-tests-")
    os.chdir(folder)
    yield
    os.chdir(before)
    shutil.rmtree(folder, ignore_errors=True)
