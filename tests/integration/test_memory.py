"""A daemon that crashes leaves no dump of its memory, in which values of statements may be."""

import os
import resource
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from acra_twisted.sandbox.chain import Chain
from tests.integration.base import Surroundings
from tests.support.daemons import WATCHED


class Dumps(Surroundings):
    def crashed(self, number, server):
        """How a daemon has ended that a signal kills, where dumps
        may be of any size."""
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            authority=self.authority,
            server={"server": server},
        )
        self.addCleanup(chain.stop)
        chain.start()
        pid = chain.server.pid
        limit = Path(f"/proc/{pid}/limits").read_text()
        self.assertRegex(limit, r"Max core file size +0 ")
        with suppress(PermissionError):
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pid, resource.RLIMIT_CORE, unlimited)
        os.kill(pid, number)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual(ended.si_status, number)
        return ended.si_code

    def test_ke7_who_crashes_leaves_no_dump(self):
        for number in (signal.SIGABRT, signal.SIGSEGV):
            self.assertEqual(self.crashed(number, {}), os.CLD_KILLED)

    def test_ke7_where_dumps_are_wanted_there_is_one(self):
        pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
        ended = self.crashed(signal.SIGABRT, WATCHED)
        # Where dumps go to another program, that one decides about them.
        goes_to_a_file = pattern and not pattern.startswith("|")
        self.assertIn(ended, (os.CLD_DUMPED,) if goes_to_a_file else (os.CLD_DUMPED, os.CLD_KILLED))
