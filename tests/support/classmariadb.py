"""The MariaDB that all tests of a class ask."""

from acra_twisted.sandbox.mariadb import MariaDB


def started(case, **given):
    """Start one with an account for clients, and have it stopped behind the class."""
    database = MariaDB(listens=True, **given)
    case.addClassCleanup(database.stop)
    database.start()
    database.account("u", "pw")
    return database
