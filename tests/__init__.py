"""Tests.  ``make test`` runs all of them; ``trial tests.unit`` works, too."""

import os

from hypothesis import HealthCheck, settings

#: Whether they fail depends on the machine, or on chance.
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("fast", max_examples=40, deadline=None, suppress_health_check=_CHECKS)
# The same examples each time: a change is refused for what it does, not for what chance finds in
# the code as it was.  Chance has its turn where `make test` is run by hand, and with "deep".
settings.register_profile("same", settings.get_profile("fast"), derandomize=True)
settings.register_profile("deep", max_examples=10_000, deadline=None, suppress_health_check=_CHECKS)
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "fast")
settings.load_profile(_PROFILE)
#: Nothing is left to chance: fuzzers, too, try the same inputs each time.
IS_SAME = _PROFILE == "same"
