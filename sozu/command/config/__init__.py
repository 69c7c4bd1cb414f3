"""The configuration file: read strictly, with every error shown at its place. `load_configuration` is the door.

    diagnostics     what an error looks like: file:line:column, the line, a caret, what was expected, the nearest name
    yaml_source     text -> plain values and the place of each, YAML 1.2 as far as configuration needs it
    schema          which keys there are, and of which kind
    writing         Configuration(settings, state) -> text
    loading         values -> Configuration(settings, state), through the same `commit` rules as orders
Documented for users in docs/configuration.md.
"""

from sozu.command.config.diagnostics import ConfigurationError, Problem
from sozu.command.config.loading import Configuration, load_configuration, settings_without_file
from sozu.command.config.writing import written

__all__ = ["Configuration", "ConfigurationError", "Problem", "load_configuration", "settings_without_file", "written"]
