"""A disk that gets full, for what appends lines."""

import errno
import os
from types import SimpleNamespace

from acra_twisted import lines


class Disk:
    """``room``: bytes that are left, None for as many as wanted.  ``most``: of one write."""

    def __init__(self, case):
        self.room = self.most = None
        self.error = errno.ENOSPC
        names = {name: getattr(os, name) for name in ("SEEK_END", "stat", "strerror")}
        case.patch(lines, "os", SimpleNamespace(write=self.write, **names))

    def write(self, descriptor, data):
        data = data[: self.most]
        if self.room is not None:
            if data and not self.room:
                raise OSError(self.error, os.strerror(self.error))
            data = data[: self.room]
            self.room -= len(data)
        return os.write(descriptor, data)
