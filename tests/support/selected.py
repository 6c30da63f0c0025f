"""A database client of a tool's that has the rows of one SELECT."""

from acra_twisted.tools import directness
from acra_twisted.tools.databaseclient import Answer, PostgresqlError


class Selected:
    """``rows`` are texts, the last column of type ``kind``; ``parameters`` are the types of the
    other statement's.  ``written`` has its values."""

    def __init__(self, *rows, kind=17, parameters=(17,)):
        self.rows = list(rows)
        self.kind = kind
        self.parameters = parameters
        self.written = []
        self.asked = []
        self.changes = 1
        self.fails = False
        #: Errors of statements, by their first word.
        self.refuses = {}
        self.closed = False

    def __call__(self, text, program, in_thread):
        self.given = text, program
        return self

    async def connect(self):
        pass

    async def parameter_types(self, statement):
        return self.parameters

    async def ask(self, statement, values=(), types=None, formats=None):
        word = statement.split()[0]
        self.asked.append(statement)
        if word == "FETCH":
            rows, self.rows = self.rows[:500], self.rows[500:]
            return Answer(rows, [25, self.kind])
        if statement.startswith(directness.POSTGRESQL):
            return Answer([[statement.encode()]], [25])
        if word in self.refuses:
            raise self.refuses[word]
        if word in ("BEGIN", "COMMIT", "DECLARE", "ROLLBACK"):
            return Answer([], [])
        if self.fails:
            raise PostgresqlError("23505")
        self.written.append((statement, values, types, formats))
        return Answer([], [], self.changes)

    def close(self):
        self.closed = True

    @property
    def committed(self):
        return self.asked[-1] == "COMMIT"
