"""Django with protected columns: models have the fields that an application would give them."""

from __future__ import annotations

import datetime
import uuid

from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.protected import token_store
from tests.support import djangodatabases
from tests.support.people import NOBODY, PeopleCase, Person, person


def make_model():
    """Django's models need its settings first."""
    from django.db import models

    class Row(models.Model):
        id = models.AutoField(primary_key=True)
        name = models.CharField(max_length=50, null=True)
        email = models.EmailField(null=True)
        age = models.IntegerField(null=True)
        big = models.BigIntegerField(null=True)
        raw = models.BinaryField(null=True)
        flag = models.BooleanField(null=True)
        born = models.DateField(null=True)
        key = models.UUIDField(null=True)
        score = models.FloatField(null=True)
        card = models.TextField(null=True)
        phone = models.CharField(max_length=30, null=True)
        note = models.TextField(null=True)

        class Meta:
            app_label = "tests"
            db_table = "people"

    return Row


def values(found) -> Person:
    """The values of a model's object."""
    shown = {name: getattr(found, name) for name in Person._fields}
    if shown["raw"] is not None:
        shown["raw"] = bytes(shown["raw"])
    return Person(**shown)


class Django(PeopleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        djangodatabases.use(cls.databases(default=cls.served))
        cls.model = make_model()

    @classmethod
    def databases(cls, default):
        """Django's settings of the databases by their names; ``default`` is a chain."""
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "USER": SUPERUSER,
            "NAME": "postgres",
        }
        options = {"sslmode": "disable"}
        bound = {**options, "server_side_binding": True}
        return {
            "default": {**database, "PORT": default.port, "OPTIONS": options},
            "bound": {**database, "PORT": cls.served.port, "OPTIONS": bound},
            "stranger": {**database, "PORT": cls.strangers.port, "OPTIONS": options},
        }

    def test_models(self):
        from django.db import connections

        for name in ("default", "bound"):
            with self.fresh(name):
                self.use(name)
                self.assert_stored(31)
                self.fail_in(name)
                connections[name].close()

    def use(self, name):
        from django.db.models import Case, Count, F, Q, Value, When

        rows = self.model.objects.using(name)
        first = rows.create(**person(1)._asdict())
        first.refresh_from_db()
        self.assertEqual(values(first), person(1))
        rows.bulk_create(self.model(**person(n)._asdict()) for n in range(2, 30))
        self.model(**NOBODY._asdict()).save(using=name)
        self.assertEqual([values(one) for one in rows.order_by("id")][:29], [
            person(n) for n in range(1, 30)
        ])  # fmt: skip
        for column in ("email", "age", "big", "born", "key", "phone"):
            wanted = [getattr(person(n), column) for n in (2, 3)]
            self.assertEqual(rows.get(**{column: wanted[0]}).id, 2)
            found = rows.filter(**{f"{column}__in": wanted}).order_by("id")
            self.assertEqual([one.id for one in found], [2, 3])
            self.assertEqual(rows.exclude(**{column: wanted[0]}).count(), 29)
            either = Q(**{column: wanted[0]}) | Q(**{column: wanted[1]})
            self.assertEqual(rows.filter(either).count(), 2)
            self.assertTrue(rows.filter(**{column: wanted[0]}).exists())
            self.assertEqual(rows.filter(**{f"{column}__isnull": True}).count(), 1)
        self.assertEqual(rows.filter(email=person(4).email).update(age=8, note=F("note")), 1)
        self.assertEqual(rows.values_list("age", flat=True).get(id=4), 8)
        fifth = rows.get(id=5)
        for field in Person._fields:
            setattr(fifth, field, getattr(person(50), field))
        fifth.save()
        self.assertEqual(values(rows.get(id=5)), person(50))
        fifth.name = "Zaphodius saved"
        fifth.save(update_fields=["name"])
        changed = list(rows.filter(id__in=[6, 7]))
        for one in changed:
            one.name, one.born = f"Zaphodius c{one.id}", datetime.date(1950, 1, one.id)
        rows.bulk_update(changed, ["name", "born"])
        self.assertEqual(rows.get(id=7).name, "Zaphodius c7")
        self.assertEqual(rows.get(id=7).born, datetime.date(1950, 1, 7))
        one, made = rows.get_or_create(email=person(8).email, defaults={"age": 1})
        self.assertEqual((one.id, made), (8, False))
        one, made = rows.update_or_create(
            email=person(60).email, defaults=person(60)._replace(key=uuid.UUID(int=5))._asdict()
        )
        self.assertEqual((one.age, made), (person(60).age, True))
        kind = Case(When(email=person(9).email, then=Value("it")), default=Value("other"))
        self.assertEqual(rows.annotate(kind=kind).get(id=9).kind, "it")
        grouped = rows.values("email").annotate(count=Count("id")).filter(email=person(9).email)
        self.assertEqual(list(grouped), [{"email": person(9).email, "count": 1}])
        self.assertEqual(rows.aggregate(all=Count("email", distinct=True)), {"all": 30})
        self.assertEqual(
            [one.name for one in rows.order_by("id").iterator(chunk_size=5)][:4],
            [person(n).name for n in range(1, 5)],
        )
        rows.bulk_create(
            [self.model(id=9, **person(9)._replace(name="Zaphodius put")._asdict())],
            update_conflicts=True, unique_fields=["id"], update_fields=["name"],
        )  # fmt: skip
        self.assertEqual(rows.get(id=9).name, "Zaphodius put")
        self.assertEqual(rows.filter(phone=person(9).phone).delete()[0], 1)
        rows.create(**person(9)._asdict())

    def fail_in(self, name):
        """Errors are Django's own; the transaction around goes on."""
        from django.db import DataError, NotSupportedError, transaction
        from django.db.models import Max, Value

        rows = self.model.objects.using(name)
        with transaction.atomic(using=name):
            for query, error in (
                (lambda: list(rows.order_by("email")), NotSupportedError),
                (lambda: rows.filter(name="x").count(), NotSupportedError),
                (lambda: rows.filter(email__startswith="zap").count(), NotSupportedError),
                (lambda: rows.aggregate(Max("age")), NotSupportedError),
                (lambda: rows.filter(id=1).update(flag=Value("maybe")), DataError),
            ):
                with self.assertRaises(error), transaction.atomic(using=name):
                    query()
                self.assertEqual(rows.get(id=1).name, person(1).name)

    def test_migrations(self):
        """Definitions that would leave a column in clear are refused; others pass."""
        from django.db import NotSupportedError, connection, models

        field = models.IntegerField(null=True)
        field.set_attributes_from_name("extra")
        with connection.schema_editor() as editor:
            editor.add_field(self.model, field)
        with connection.schema_editor() as editor:
            editor.remove_field(self.model, field)
        named = self.model._meta.get_field("name")
        other = models.CharField(max_length=60, null=True)
        other.set_attributes_from_name("other")
        with self.assertRaises(NotSupportedError), connection.schema_editor() as editor:
            editor.alter_field(self.model, named, other)
        kept = self.model.objects.create(**person(1)._asdict())
        kept.refresh_from_db()
        self.assertEqual(values(kept), person(1))
        self.assertIn("people", connection.introspection.table_names())
        connection.close()

    def test_a_model_makes_its_own_table(self):
        """Where ``ddl_types`` rewrites them, migrations run as they are."""
        from django.db import connections, models

        sections = {"encryptor": {"ddl_types": "rewrite"}, **token_store(self.keys)}
        rewriting = self.protect(self.keys, sections)
        djangodatabases.use(self.databases(default=rewriting))
        self.addCleanup(djangodatabases.use, self.databases(default=self.served))
        self.addCleanup(self.make_table)
        with self.direct() as db:
            db.execute("DROP TABLE people")
        with connections["default"].schema_editor() as editor:
            editor.create_model(self.model)
        longer = models.CharField(max_length=60, null=True)
        longer.set_attributes_from_name("name")
        named = self.model._meta.get_field("name")
        with connections["default"].schema_editor() as editor:
            editor.alter_field(self.model, named, longer, strict=True)
            editor.remove_field(self.model, longer)
            editor.add_field(self.model, named)
        self.use("default")
        self.assert_stored(31)
        connections["default"].close()

    def test_another_client_sees_masks(self):
        from django.db import connections

        self.fill(1)
        rows = self.model.objects.using("stranger")
        shown = rows.values_list("raw", "card", "phone").get(id=1)
        self.assert_masked((bytes(shown[0]), *shown[1:]))
        self.assertEqual(shown[1], "xxxx0001")
        self.assertEqual(rows.filter(email=person(1).email).count(), 0)
        connections["stranger"].close()
