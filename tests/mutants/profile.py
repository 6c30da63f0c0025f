"""A plugin of pytest for mutation testing: Hypothesis tries the same examples each time, and few.

A mutant that only a rare example tells from the original then survives; a test should name it.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    # Many runs share one process.
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")
