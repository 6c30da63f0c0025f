"""Home of twisted.plugin plugins: stages, found by name in the ini file.

Another distribution adds a stage by shipping a module in a directory ``acra_twisted/plugins/``
of its own (without ``__init__.py``).
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
