"""The configuration of the service: `load_settings` reads it from the environment and checks it as a whole.

`settings.py` and `mpesa_settings.py` declare each variable, `parsers.py` reads one value, `checks.py` refuses
unsafe settings, `loading.py` combines them. `devtools/settings_table.py` writes the table of
`docs/configuration.md`.
"""

from mpesa_service.config.checks import database_problem, forbidden_word, unsafe_settings
from mpesa_service.config.declaration import environment_name
from mpesa_service.config.loading import (
    SIMULATOR_DEFAULTS,
    SIMULATOR_INITIATOR,
    ConfigurationError,
    load_settings,
)
from mpesa_service.config.mpesa_settings import BASE_URLS, SIMULATOR
from mpesa_service.config.settings import Settings
