"""AcraServer's settings beside others that take their effect away."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import reading
from acra_twisted.errors import ConfigError
from acra_twisted.server import tap

#: Everything that can be found out without a folder of keys.
PROGRAM = tap.Options.program
FLAGS = ["--db_host=127.0.0.1", "--stages="]
REACTIONS = (
    "--poison_shutdown_enable=true",
    "--poison_stop_session_enable",
    "--poison_run_script_file=/bin/true",
)


def settings(*flags):
    program = reading.Program(
        PROGRAM.name,
        PROGRAM.sections,
        lambda settings: None,
        PROGRAM.stages,
        PROGRAM.installed,
        PROGRAM.blocks,
        settle=PROGRAM.settle,
        rules=PROGRAM.rules,
    )
    return reading.load(program, [*FLAGS, *flags], {})[0]


class Poison(SynchronousTestCase):
    def test_a_reaction_turns_detection_on(self):
        for reaction in REACTIONS:
            found = settings(reaction)
            self.assertEqual(found["stages"], ("poison",))
            self.assertTrue(found["poison_detect_enable"])
            self.assertEqual(found.remarks, ())
        self.assertEqual(settings()["stages"], ())

    def test_detection_that_is_off_beside_a_reaction_is_refused(self):
        for reaction in REACTIONS:
            name = reaction.strip("-").partition("=")[0]
            error = self.assertRaises(
                ConfigError, settings, reaction, "--poison_detect_enable=false"
            )
            self.assertIn(f"--{name}: {name} has no effect", str(error))
            self.assertIn("poison_detect_enable = true", str(error))

    def test_a_stage_by_name_is_detection(self):
        found = settings(REACTIONS[0], "--poison_detect_enable=false", "--stages=poison")
        self.assertEqual(found["stages"], ("poison",))
