"""Modules in two forms: as C or by mypyc's libraries where compiled, in plain Python otherwise."""
