"""The types of PostgreSQL that values of protected columns have."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.types import accepts, described, family, oid_of
from acra_twisted.encryption.settings import DATA_TYPES
from tests.support.vectors import encryption


class Described(SynchronousTestCase):
    def test_the_vectors(self):
        seen = 0
        for vector in encryption()["stored"]["vectors"]:
            if "oid" in vector:
                data_type = vector["setting"].removeprefix("data_type: ")
                self.assertEqual(described(data_type).oid, vector["oid"])
                seen += 1
        self.assertEqual(seen, 4)

    def test_every_type_has_its_size(self):
        self.assertEqual(
            [described(name)[:2] for name in DATA_TYPES],
            [
                (17, -1),
                (17, -1),
                (25, -1),
                (23, 4),
                (20, 8),
                (16, 1),
                (21, 2),
                (701, 8),
                (2950, 16),
                (1082, 4),
            ],
        )
        self.assertEqual({described(name).modifier for name in DATA_TYPES}, {-1})


class Accepted(SynchronousTestCase):
    def test_a_column_takes_its_own_type_and_text_without_a_type(self):
        for name in DATA_TYPES:
            self.assertTrue(accepts(name, described(name).oid))
            self.assertTrue(accepts(name, 0))

    def test_others(self):
        for name, yes, no in (
            ("bytes", (25, 705, 1043), (23, 16, 2950, 1082, 1114, 20000)),
            (
                "str",
                (1043, 1042, 19, 18, 23, 16, 701, 2950, 1700, 114, 20000),
                (17, 1114, 700, 1082),
            ),
            ("int32", (21, 20, 26, 1700, 25), (16, 17, 701, 20000)),
            ("bool", (25,), (23, 17)),
            ("float8", (700, 23, 1700), (16, 17)),
            ("uuid", (25,), (17, 23)),
            ("date", (25,), (1114, 23)),
        ):
            for oid in yes:
                self.assertTrue(accepts(name, oid), (name, oid))
            for oid in no:
                self.assertFalse(accepts(name, oid), (name, oid))

    def test_names_of_casts(self):
        for name, oid in (
            ("varchar", 1043),
            ("character varying", 1043),
            ("pg_catalog.int4", 23),
            ("bpchar", 1042),
            ("timestamp", -1),
            ("people", -1),
        ):
            self.assertEqual(oid_of(name), oid)
        self.assertEqual(family(1114), "")
