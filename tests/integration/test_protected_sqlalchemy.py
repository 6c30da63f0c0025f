"""SQLAlchemy with protected columns: an application's models have the types that it sees."""

from __future__ import annotations

import asyncio
import datetime
import uuid

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.support.people import NOBODY, PeopleCase, Person, person


class Base(orm.DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "people"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str | None]
    email: orm.Mapped[str | None] = orm.mapped_column(sa.String(80))
    age: orm.Mapped[int | None]
    big: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger)
    raw: orm.Mapped[bytes | None]
    flag: orm.Mapped[bool | None]
    born: orm.Mapped[datetime.date | None]
    key: orm.Mapped[uuid.UUID | None]
    score: orm.Mapped[float | None]
    card: orm.Mapped[str | None] = orm.mapped_column(sa.Text)
    phone: orm.Mapped[str | None]
    note: orm.Mapped[str | None]


#: Columns that can be searched.
SEARCHED = (Row.email, Row.age, Row.big, Row.born, Row.key, Row.phone)


def row(number: int) -> Row:
    """An object that is to be written."""
    return Row(**person(number)._asdict())


def values(found: Row) -> Person:
    """The values of an object."""
    return Person(*(getattr(found, name) for name in Person._fields))


def searches() -> list[sa.Select]:
    """Each finds the rows 2 and 3."""
    made = []
    for column in SEARCHED:
        wanted = [getattr(person(n), column.key) for n in (2, 3)]
        both = sa.literal(wanted, sa.ARRAY(column.type))
        made += [
            sa.select(Row).where(column.in_(wanted)),
            sa.select(Row).where((column == wanted[0]) | (column == wanted[1])),
            sa.select(Row).where(column == sa.any_(both)),
            sa.select(Row).where(Row.id.in_(sa.select(Row.id).where(column.in_(wanted)))),
        ]
    return made


def use(session: orm.Session, case: PeopleCase) -> None:
    """Everything an application does in a session; 20 rows stay, one of them of NULLs."""
    session.add_all(row(n) for n in range(1, 20))
    session.flush()
    session.add(Row(**NOBODY._asdict()))
    session.commit()
    found = session.scalars(sa.select(Row).order_by(Row.id)).all()
    case.assertEqual([values(one) for one in found], [*map(person, range(1, 20)), NOBODY])
    for statement in searches():
        found = session.scalars(statement.order_by(Row.id)).all()
        case.assertEqual([one.id for one in found], [2, 3], str(statement))
    first = session.get(Row, 1)
    for name in Person._fields:
        setattr(first, name, getattr(person(30), name))
    session.commit()
    case.assertEqual(values(session.get(Row, 1)), person(30))
    made = session.execute(
        sa.update(Row).where(Row.email == person(4).email).values(age=7).returning(Row.age, Row.key)
    ).all()
    case.assertEqual(made, [(7, person(4).key)])
    session.execute(sa.update(Row), [{"id": n, "name": f"Zaphodius x{n}"} for n in (5, 6)])
    inserted = session.scalars(
        sa.insert(Row).returning(Row, sort_by_parameter_order=True),
        [person(n)._asdict() for n in (40, 41, 42)],
    ).all()
    case.assertEqual([values(one) for one in inserted], [person(n) for n in (40, 41, 42)])
    session.execute(sa.delete(Row).where(Row.phone.in_([person(n).phone for n in (40, 41, 42)])))
    put = upsert(Row).values(id=2, **person(50)._asdict())
    session.execute(
        put.on_conflict_do_update(index_elements=["id"], set_={"email": put.excluded.email})
    )
    case.assertEqual(session.scalar(sa.select(Row.email).where(Row.id == 2)), person(50).email)
    case.assertEqual(session.scalar(sa.select(sa.func.count(sa.distinct(Row.email)))), 19)
    grouped = sa.select(Row.age, sa.func.count()).where(Row.age == 7).group_by(Row.age)
    case.assertEqual(session.execute(grouped).all(), [(7, 1)])
    session.commit()
    fail(session, case)


def fail(session: orm.Session, case: PeopleCase) -> None:
    """Errors are SQLAlchemy's own, and the session goes on."""
    for statement, error in (
        (sa.select(Row).order_by(Row.email), "0A000"),
        (sa.select(Row).where(Row.name == "x"), "0A000"),
        (sa.update(Row).values(name=Row.name + "x"), "0A000"),
    ):
        with case.assertRaises(sa.exc.DBAPIError) as caught, session.begin_nested():
            session.execute(statement)
        case.assertEqual(getattr(caught.exception.orig, "sqlstate", None) or "0A000", error)
        case.assertEqual(values(session.get(Row, 1)), person(30))
    session.rollback()


class SqlAlchemy(PeopleCase):
    def url(self, driver: str, chain=None) -> str:
        port = (chain or self.served).port
        query = {"psycopg": "?sslmode=disable", "asyncpg": "?ssl=disable"}.get(driver, "")
        return f"postgresql+{driver}://{SUPERUSER}@127.0.0.1:{port}/postgres{query}"

    def test_sessions(self):
        for driver in ("psycopg", "pg8000"):
            with self.fresh(driver):
                engine = sa.create_engine(self.url(driver))
                self.addCleanup(engine.dispose)
                with orm.Session(engine) as session:
                    use(session, self)
                self.assert_stored(20)
                engine.dispose()

    def test_sessions_with_asyncpg(self):
        async def talk():
            engine = create_async_engine(self.url("asyncpg"))
            try:
                async with AsyncSession(engine) as session:
                    await session.run_sync(use, self)
            finally:
                await engine.dispose()

        asyncio.run(talk())
        self.assert_stored(20)

    def test_tables_of_the_core_and_streams(self):
        engine = sa.create_engine(self.url("psycopg"))
        self.addCleanup(engine.dispose)
        # The table as the database has it, and as the application does.
        reflected = sa.Table("people", sa.MetaData(), autoload_with=engine)
        self.assertIsInstance(reflected.c.email.type, sa.LargeBinary)
        table = Row.__table__
        with engine.begin() as db:
            db.execute(sa.insert(table), [person(n)._asdict() for n in range(1, 200)])
            rows = db.execution_options(yield_per=50).execute(
                sa.select(table.c.name, table.c.age).order_by(table.c.id)
            )
            self.assertEqual(
                [tuple(one) for one in rows],
                [(person(n).name, person(n).age) for n in range(1, 200)],
            )
        self.assert_stored(199)

    def test_columns_that_the_application_has_as_bytes(self):
        """A type of one's own makes text of bytes: values go through as bytes of the text."""
        table = sa.table("people", sa.column("id"), sa.column("raw", sa.LargeBinary))
        for driver in ("psycopg", "pg8000"):
            with self.fresh(driver):
                engine = sa.create_engine(self.url(driver))
                self.addCleanup(engine.dispose)
                with engine.begin() as db:
                    db.execute(sa.insert(table), [{"raw": person(n).raw} for n in (1, 2)])
                    found = db.execute(sa.select(table.c.raw).order_by(table.c.id)).scalars().all()
                self.assertEqual(found, [person(1).raw, person(2).raw])
                self.assert_stored(2)
                engine.dispose()

    def test_another_client_sees_masks(self):
        self.fill(1)
        engine = sa.create_engine(self.url("psycopg", self.strangers))
        self.addCleanup(engine.dispose)
        with engine.begin() as db:
            shown = db.execute(sa.select(Row.name, Row.card, Row.phone)).one()
            self.assert_masked(tuple(shown))
            self.assertIsNone(db.scalar(sa.select(Row.id).where(Row.email == person(1).email)))
