"""Home of twisted.plugin plugins: kinds of key stores, found by name in the ini file.

Another distribution adds one by shipping a module in a directory
``acra_twisted/keystore/plugins/`` of its own (without ``__init__.py``).
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
