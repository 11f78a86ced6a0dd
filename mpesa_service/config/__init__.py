"""The configuration of the service: `load_settings` reads it from the environment and checks it as a whole.

`settings.py` and `mpesa_settings.py` declare each variable, `parsers.py` reads one value, `checks.py` has
the rules that refuse unsafe settings, `loading.py` combines them. `devtools/settings_table.py` writes the
table of `docs/configuration.md`.
"""

from mpesa_service.config.certificates import out_of_date
from mpesa_service.config.checks import GRACEFUL_SECONDS, RULES, database_problem, unsafe_settings
from mpesa_service.config.declaration import environment_name
from mpesa_service.config.loading import (
    SIMULATOR_DEFAULTS,
    SIMULATOR_INITIATOR,
    ConfigurationError,
    load_settings,
)
from mpesa_service.config.mpesa_settings import BASE_URLS, SIMULATOR
from mpesa_service.config.public_addresses import forbidden_word
from mpesa_service.config.settings import Settings
