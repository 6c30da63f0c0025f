"""A runner of Django's tests that writes what became of each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner

#: The environment variable that names the file.
RESULT = "ACRA_DJANGO_RESULT"


class Runner(DiscoverRunner):
    """Writes the number of tests, and the tracebacks of those that failed."""

    def run_suite(self, suite: Any, **options: Any) -> Any:
        """Run all tests."""
        result = super().run_suite(suite, **options)
        failed = [(test.id(), text) for test, text in (*result.failures, *result.errors)]
        found = {"run": result.testsRun, "skipped": len(result.skipped), "failed": failed}
        Path(os.environ[RESULT]).write_text(json.dumps(found))
        return result
