"""Options about limits of logins."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.loginlimits import LIMITS


class Limits(SynchronousTestCase):
    def test_the_whole_server_takes_more_than_one_address(self):
        found = {option.name: option.default for option in LIMITS}
        self.assertGreater(found["auth_max_logins"], found["auth_max_logins_per_address"])
