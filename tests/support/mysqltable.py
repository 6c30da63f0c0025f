"""A table of MySQL in memory, for statements that `encryption.mysql.moving` writes."""

import re

_KEY = re.compile(r"`id` (=|>) (\d+)")
_NEW = re.compile(r"WHEN `id` = (\d+) THEN x'([0-9a-f]*)'")


class Rows:
    """Rows of a number and a value, by the number.  ``before`` is called ahead of each statement;
    ``refuses`` has errors by the value that is written; ``held`` are rows of somebody else."""

    def __init__(self, *values):
        self.rows = dict(enumerate(values, 1))
        self.asked = []
        self.held = set()
        self.refuses = {}
        self.spoils = None
        self.before = lambda text: None
        self._undone = None

    def values(self):
        return [value for _, value in sorted(self.rows.items())]

    async def ask(self, text):
        self.before(text)
        self.asked.append(" ".join(text.split()[:2]))
        if text.startswith("SELECT"):
            return self._read(text)
        if text.startswith("UPDATE"):
            for key, digits in _NEW.findall(text):
                value = bytes.fromhex(digits)
                if value in self.refuses:
                    raise self.refuses[value]
                self.rows[int(key)] = value if self.spoils is None else self.spoils
        elif text.startswith("START TRANSACTION"):
            self._undone = dict(self.rows)
        elif text == "ROLLBACK":
            self.rows = self._undone
        return ()

    def _read(self, text):
        found = sorted(self.rows.items())
        offset = re.search(r"OFFSET (\d+)", text)
        if offset:
            return tuple((b"%d" % key,) for key, _ in found[int(offset[1]) :][:1])
        if " OR " in text or re.search(r"\(`id` = ", text):
            keys = {int(key) for _, key in _KEY.findall(text)}
            if "SKIP LOCKED" in text:
                keys -= self.held
            found = [row for row in found if row[0] in keys]
        elif "WHERE" in text:
            [(_, behind)] = _KEY.findall(text)
            found = [row for row in found if row[0] > int(behind)]
        most = re.search(r"LIMIT (\d+)", text)
        found = found[: int(most[1])] if most else found
        return tuple((b"%d" % key, value) for key, value in found)
