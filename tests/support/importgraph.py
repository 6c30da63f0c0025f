"""The imports of the modules as a graph, and its circles."""

import ast
from collections import defaultdict


def module_name(path, top):
    """``acra_twisted.sql.tree`` for its file; a package for its ``__init__.py``."""
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph(package, top):
    """The modules below ``package`` that each of them imports anywhere: at the top, in a function,
    for type checking alone."""
    paths = {module_name(path, top): path for path in sorted(package.rglob("*.py"))}
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def _imported(path, known):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in known:
                    yield whole
                elif node.module in known:
                    yield node.module


def by_package(edges, packages):
    """The graph of packages; a module outside of ``packages`` counts as one of its own."""
    found = defaultdict(set)

    def package_of(name):
        return name if name in packages or "." not in name else name.rpartition(".")[0]

    for name, others in edges.items():
        for other in others:
            if package_of(name) != package_of(other):
                found[package_of(name)].add(package_of(other))
    return dict(found)


def circles(edges):
    """Sets of nodes that can be reached from each other, sorted."""
    reach = {}

    def reachable(start):
        if start not in reach:
            seen, waiting = set(), [start]
            while waiting:
                for other in edges.get(waiting.pop(), ()):
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
            reach[start] = seen
        return reach[start]

    found = set()
    for node in edges:
        if node in reachable(node):
            ring = {other for other in reachable(node) if node in reachable(other)}
            found.add(tuple(sorted(ring)))
    return sorted(found)
