"""A daemon's command line, without what needs files: certificates, keys, rules."""

from acra_twisted.config import reading


def settings_of(program, *flags, check=lambda settings: None, environment=None):
    """Return the settings of the flags.  Raises ConfigError with all mistakes."""
    bare = reading.Program(
        program.name,
        program.sections,
        check,
        program.stages,
        program.installed,
        program.blocks,
        settle=program.settle,
        rules=program.rules,
        listener=program.listener,
    )
    return reading.load(bare, flags, environment or {})[0]


def names_in(remarks):
    """The settings that remarks are about, in order."""
    return [remark.partition(": ")[2].partition(" ")[0] for remark in remarks]
