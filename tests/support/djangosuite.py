"""Django's own tests, in a process of their own.

``python -m tests.support.djangosuite columns APP...`` prints a file for AcraServer that
protects what it can of the applications' models; ``run APP...`` runs their tests at the port
that PORT in the environment names.  `djangorunner` writes what became of them.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import yaml

#: The environment variable that names the port of the database.
PORT = "ACRA_DJANGO_PORT"
_SETTINGS = "acra_django_settings"
#: The types of AcraServer by Django's kinds of fields.
_TYPES = {
    "BigIntegerField": "int64",
    "BinaryField": "bytes",
    "BooleanField": "bool",
    "CharField": "str",
    "DateField": "date",
    "FloatField": "float8",
    "IntegerField": "int32",
    "SmallIntegerField": "int16",
    "TextField": "str",
    "UUIDField": "uuid",
}


def sources() -> Path:
    """The folder of Django's tests, of the version that is installed.  Raises RuntimeError if they
    are not there."""
    folder = Path(__file__).parents[2] / f".servers/django-{django.__version__}/tests"
    if not (folder / "runtests.py").exists():
        raise RuntimeError("no tests of Django: run .ci/install-servers")
    return folder


def use_settings(port: str) -> None:
    """Make the module with the settings that Django's own program asks for."""
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": port,
        "USER": "postgres",
        "OPTIONS": {"sslmode": "disable"},
    }
    made: Any = ModuleType(_SETTINGS)
    made.DATABASES = {
        "default": {**database, "NAME": "one"},
        "other": {**database, "NAME": "two"},
    }
    made.SECRET_KEY = "of tests"
    made.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made.DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
    made.USE_TZ = False
    made.TEST_RUNNER = "tests.support.djangorunner.Runner"
    sys.modules[_SETTINGS] = made
    os.environ["DJANGO_SETTINGS_MODULE"] = _SETTINGS


def columns(labels: list[str]) -> str:
    """Return a configuration for the models of some applications."""
    use_settings("")
    # They need the settings.
    from django.apps import apps
    from django.conf import settings

    settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *labels]
    django.setup()
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    tables = [_table(model._meta) for model in models if model._meta.managed]
    return yaml.safe_dump({"schemas": [table for table in tables if table["encrypted"]]})


def _table(meta: Any) -> dict[str, Any]:
    named = {name for names in meta.unique_together for name in names}
    named |= {name for index in meta.indexes for name in index.fields}
    is_free = not meta.constraints and not meta.proxy
    fields = [
        field
        for field in meta.local_fields
        if is_free and _can_be_protected(field) and field.name not in named
    ]
    if any(field.generated for field in meta.local_fields):
        # What is generated reads the others.
        fields = []
    return {"table": meta.db_table, "encrypted": [_column(field) for field in fields]}


def _can_be_protected(field: Any) -> bool:
    """Tell whether a column can be encrypted with the definition that Django gives it."""
    if field.primary_key or field.is_relation or field.get_internal_type() not in _TYPES:
        return False
    # An index of characters serves patterns.
    if field.unique or field.db_index:
        return False
    return not (field.has_db_default() or getattr(field, "db_collation", None))


def _column(field: Any) -> dict[str, Any]:
    kind = _TYPES[field.get_internal_type()]
    made = {"column": f'"{field.column}"', "data_type": kind}
    return made if kind == "float8" else {**made, "searchable": True}


def run(folder: Path, labels: list[str]) -> None:
    """Run the tests; ends with SystemExit if one fails."""
    use_settings(os.environ[PORT])
    sys.argv = ["runtests.py", "--parallel=1", "--noinput", *labels]
    runpy.run_path(str(folder / "runtests.py"), run_name="__main__")


def main() -> None:
    """Do as the arguments say."""
    what, *labels = sys.argv[1:]
    folder = sources()
    sys.path.insert(0, str(folder))
    if what == "columns":
        print(columns(labels))
    else:
        run(folder, labels)


if __name__ == "__main__":
    main()
