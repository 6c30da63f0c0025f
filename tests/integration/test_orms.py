"""Statements of ORMs: none is refused, and an allow list learned from them lets them pass."""

from __future__ import annotations

import datetime
import decimal
import os
import signal

import psycopg
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import insert as upsert

from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.stages.statementfile import read_statements
from acra_twisted.tools.learn import learn
from tests.fuzz import rules as mixed
from tests.integration.base import Surroundings, eventually
from tests.support import djangodatabases

RULES = """version: 0.85.0
handlers:
  - handler: query_capture
    filepath: {capture}
  - handler: deny
    tables: [untouched]
"""


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(50), unique=True)
    born: orm.Mapped[datetime.date | None]
    books: orm.Mapped[list[Book]] = orm.relationship(back_populates="author")


class Book(Base):
    __tablename__ = "book"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("author.id"))
    title: orm.Mapped[str]
    price: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(8, 2))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def statements(seed: int) -> list[sa.Executable]:
    """Statements of every common kind; they differ in ``seed`` alone."""
    a, b = Author, Book
    spent = sa.select(b.author_id, sa.func.sum(b.price).label("spent")).group_by(b.author_id)
    total = spent.subquery("total")
    tree = sa.select(a.id).where(a.id == seed).cte("tree", recursive=True)
    tree = tree.union_all(sa.select(a.id + 1).where(a.id == tree.c.id, a.id < seed + 3))
    return [
        sa.select(a),
        sa.select(a.name, b.title).join(b).where(b.price > seed, a.name.like(f"%{seed}%")),
        sa.select(a).outerjoin(b).where(b.id.is_(None) | b.title.in_(["x", f"y{seed}"])),
        sa.select(a).where(a.id.in_([seed, seed + 1, seed + 2])),
        sa.select(a).where(a.books.any(b.price.between(seed, seed + 1))),
        sa.select(a).where(sa.exists().where(b.author_id == a.id)),
        sa.select(a.name, total.c.spent).join(total, total.c.author_id == a.id),
        sa.select(sa.func.count()).select_from(b).where(b.title != f"{seed}"),
        sa.select(b.title, sa.func.row_number().over(partition_by=b.author_id, order_by=b.price)),
        sa.select(sa.case((b.price > seed, "dear"), else_="cheap"), sa.cast(b.id, sa.String)),
        sa.select(b).order_by(b.price.desc(), b.id).limit(5).offset(seed),
        sa.select(b.title).distinct(),
        sa.select(b).with_for_update(skip_locked=True),
        sa.select(a.id).union(sa.select(b.id)).order_by(sa.text("1")),
        sa.select(tree.c.id),
        sa.select(sa.extract("year", a.born), sa.func.coalesce(a.name, f"{seed}")),
        sa.update(b).where(b.id == seed).values(price=b.price + seed, title=f"t{seed}"),
        sa.update(b).where(b.author_id == a.id, a.name == f"{seed}").values(title="z"),
        sa.delete(b).where(b.author_id.in_(sa.select(a.id).where(a.name == f"n{seed}"))),
        sa.insert(a).values(id=seed + 1000, name=f"inserted {seed}"),
        sa.insert(b).from_select(
            ["author_id", "title", "price"],
            sa.select(a.id, a.name, sa.literal(seed)).where(a.id == -seed),
        ),
    ]


def use_sqlalchemy(url: str, seed: int) -> None:
    """Everything an application does with it, from its first connection on."""
    engine = sa.create_engine(url)
    try:
        _use(engine, seed)
    finally:
        engine.dispose()


def _use(engine: sa.Engine, seed: int) -> None:
    Base.metadata.create_all(engine)
    assert "author" in sa.inspect(engine).get_table_names()
    sa.inspect(engine).get_columns("book")
    with orm.Session(engine) as session:
        session.add_all(
            Author(name=f"author {seed} {n}", books=[Book(title=f"{n}", price=n)]) for n in range(3)
        )
        session.commit()
        for statement in statements(seed):
            session.execute(statement).close()
        born = datetime.date(1970, 1, seed)
        found = upsert(Author).values(name=f"author {seed} 1", born=born)
        session.execute(found.on_conflict_do_update(index_elements=["name"], set_={"born": born}))
        with session.begin_nested():
            query = sa.select(Author).options(orm.selectinload(Author.books)).limit(1)
            author = session.scalars(query).one()
            author.name = f"renamed {seed}"
        session.flush()
        session.delete(author.books[0])
        session.flush()
        session.rollback()


def make_models():
    """Django's models need its settings first."""
    from django.db import models

    class Shop(models.Model):
        name = models.CharField(max_length=50)

        class Meta:
            app_label = "tests"
            db_table = "shop"

    class Item(models.Model):
        shop = models.ForeignKey(Shop, models.CASCADE)
        title = models.CharField(max_length=50)
        price = models.DecimalField(max_digits=8, decimal_places=2)
        tags = models.JSONField(default=dict)
        added = models.DateTimeField(auto_now_add=True)

        class Meta:
            app_label = "tests"
            db_table = "item"

    return Shop, Item


def use_django(shop_model, item_model, seed: int) -> None:
    """Its usual queries."""
    from django.db import connection, transaction
    from django.db.models import Avg, Case, Count, Exists, F, OuterRef, Q, Value, When, Window
    from django.db.models.functions import Lower, Rank, TruncMonth

    if "shop" not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(shop_model)
            editor.create_model(item_model)
    shop = shop_model.objects.create(name=f"shop {seed}")
    item_model.objects.bulk_create(
        item_model(shop=shop, title=f"{n}", price=n + seed, tags={"n": n}) for n in range(5)
    )
    items = item_model.objects
    expensive = items.filter(shop=OuterRef("pk"), price__gt=seed)
    for query in (
        items.filter(Q(price__gt=seed) | ~Q(title__icontains=f"x{seed}")),
        items.select_related("shop").order_by("-price", "id")[:3],
        items.filter(shop__name__startswith=f"shop {seed}").distinct(),
        items.filter(price__in=[seed, seed + 1]).exclude(title__isnull=True),
        items.values("shop").annotate(n=Count("id"), mean=Avg("price")).filter(n__gt=seed),
        items.annotate(rank=Window(Rank(), partition_by="shop", order_by="price")),
        items.annotate(kind=Case(When(price__gt=seed, then=Value("dear")), default=Value("cheap"))),
        items.filter(tags__n=seed, added__year=2020 + seed),
        items.annotate(month=TruncMonth("added"), low=Lower("title")).values("month", "low"),
        shop_model.objects.annotate(has=Exists(expensive)).prefetch_related("item_set"),
        items.filter(price__range=(seed, seed + 2)).union(items.filter(title=f"{seed}")),
    ):
        list(query)
    items.filter(shop=shop).update(price=F("price") + seed)
    items.filter(title=f"{seed}").exists()
    items.filter(title=f"{seed}").count()
    with transaction.atomic():
        list(items.select_for_update().filter(id=seed))
        with transaction.atomic():
            items.update_or_create(shop=shop, title="0", defaults={"price": seed})
    items.filter(title=f"{seed}", shop=shop).delete()
    items.filter(shop=shop).delete()
    shop.delete()
    connection.close()


class Orms(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rules = cls.folder / "rules.yaml"
        cls.capture = cls.folder / "captured.jsonl"
        cls.rules.write_text(RULES.format(capture=cls.capture))
        cls.target = cls.chain(
            link="none",
            server={
                "pipeline": {"stages": ""},
                "censor": {"acracensor_config_file": str(cls.rules)},
            },
        )
        djangodatabases.use(
            {
                "default": {
                    "ENGINE": "django.db.backends.postgresql",
                    "HOST": "127.0.0.1",
                    "PORT": cls.target.port,
                    "USER": SUPERUSER,
                    "NAME": "postgres",
                    "OPTIONS": {"sslmode": "disable"},
                }
            }
        )
        cls.models = make_models()

    def use(self, seed: int) -> None:
        address = f"127.0.0.1:{self.target.port}/postgres?sslmode=disable"
        use_sqlalchemy(f"postgresql+psycopg://{SUPERUSER}@{address}", seed)
        use_django(*self.models, seed)

    def test_learned_rules_let_the_same_application_pass_and_nothing_else(self):
        self.use(1)
        self.use(2)
        self.assertNotIn("code=560", self.target.server.output())
        # Written in order, once a second: with this one all that came before are there.
        last = "that_was_all"
        with self.connect(self.target) as db:
            db.execute(f"SELECT 1 AS {last}")
        eventually(
            lambda: self.capture.exists() and last in self.capture.read_text(),
            "the last statement is captured",
        )
        texts = [text for text in read_statements(str(self.capture)) if last not in text]
        self.assertGreater(len(texts), 60)
        learned = learn(texts, "postgresql", "captured.jsonl")
        left_out = [line for line in learned.splitlines() if "left out" in line]
        # The length of a VARCHAR is no value to the grammar: what is left out makes tables.
        self.assertEqual(len(left_out), 3, left_out)
        self.assertTrue(all("CREATE TABLE" in line for line in left_out), left_out)
        self.rules.write_text(learned)
        os.kill(self.target.server.pid, signal.SIGHUP)
        eventually(lambda: "Read anew" in self.target.server.output(), "rules are read anew")
        self.use(3)
        with self.connect(self.target) as db:
            for text in ("SELECT name FROM author LIMIT 1000", "SELECT 1 FROM untouched"):
                with self.assertRaises(psycopg.errors.SyntaxErrorOrAccessRuleViolation):
                    db.execute(text)

    def test_mysql_dialect(self):
        """Compiled, not run: both with parameters and with literals in the text."""
        censor = mixed.make("mysql")
        for literal_binds in (False, True):
            dialect = mysql.dialect(paramstyle="qmark")
            for statement in statements(7):
                compiled = statement.compile(
                    dialect=dialect,
                    compile_kwargs={"literal_binds": literal_binds, "render_postcompile": True},
                )
                decision = censor.decide(str(compiled).encode())
                # No rule names these tables, so that the last one decides; nothing is unreadable.
                self.assertEqual(decision.by, "denyall", str(compiled))
