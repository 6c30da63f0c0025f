"""Values of a configuration file, without a program around it."""

from acra_twisted.config.files import open_file
from acra_twisted.config.ini import parse_value
from acra_twisted.errors import ConfigError, raise_together


def values_of(path, sections, prefixes=()):
    """Return the settings of the file.  Raises ConfigError with all mistakes."""
    found = open_file(str(path)).read(sections, (), prefixes)
    options = {option.name: option for section in sections for option in section.options}
    wrong, values = list(found.wrong), {}
    for name, line in found.ours.items():
        try:
            values[name] = parse_value(options[name], *line)
        except ConfigError as error:
            wrong.append(error)
    raise_together(wrong)
    return values
