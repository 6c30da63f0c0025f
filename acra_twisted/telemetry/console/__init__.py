"""The console: views under ``/console/`` that show what happened, and compare."""
