"""The layers of a request's time."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import layers
from acra_twisted.telemetry.figures.rows import Layer, Row


def row(calls=2, **parts):
    made = Row()
    made.calls = calls
    for name, total in parts.items():
        made.layers[name.replace("_", " ")] = Layer(total, {30: calls})
    return made


class Layers(SynchronousTestCase):
    def test_every_part_has_its_layer(self):
        found = layers.by_layer(
            row(
                whole=99_000_000,
                link=1_000_000,
                proxy=2_000_000,
                stage_censor=3_000_000,
                stage_encryptor=4_000_000,
                stage_decryptor=5_000_000,
                stage_poison=6_000_000,
                stage_mine=7_000_000,
                first_byte=8_000_000,
                rows=9_000_000,
            )
        )
        self.assertEqual(
            found,
            {
                "link": 1,
                "proxy": 2,
                "other": 7,
                "censor": 3,
                "cipher": 9,
                "poison": 6,
                "dbfirst": 8,
                "dbrows": 9,
            },
        )
        self.assertEqual(list(found), list(layers.LAYERS))
        self.assertEqual(layers.layer_of("whole"), "")
        self.assertEqual(layers.ours(found) + layers.database(found), sum(found.values()))
        self.assertEqual(layers.database(found), 17)

    def test_a_call(self):
        self.assertEqual(layers.per_call(row(4, proxy=2_000_000)), {"proxy": 0.5})
        self.assertEqual(layers.per_call(Row()), {})

    def test_what_has_grown(self):
        self.assertEqual(
            layers.largest_change({"proxy": 1, "dbrows": 2}, {"proxy": 2, "dbrows": 5, "link": 1}),
            ("dbrows", 3),
        )
        self.assertEqual(layers.largest_change({"proxy": 2}, {"proxy": 1}), ("", 0.0))

    def test_nearly_all(self):
        self.assertTrue(layers.is_nearly_all(9.0, 10.0))
        self.assertFalse(layers.is_nearly_all(8.9, 10.0))

    def test_time_of_other_stages_has_the_name_of_the_one_that_took_it(self):
        mine = row(stage_mine=95_000_000, stage_other=5_000_000, stage_censor=9_000_000)
        self.assertEqual(layers.stage_of(mine), "mine")
        self.assertEqual(layers.spent_in("other", "mine"), "in the stage mine")
        self.assertEqual(layers.spent_in("censor", "mine"), "in the censor")
        both = row(stage_mine=60_000_000, stage_other=40_000_000)
        self.assertEqual((layers.stage_of(both), layers.stage_of(row())), ("", ""))
        self.assertTrue(all(layers.spent_in(layer) for layer in layers.LAYERS))
