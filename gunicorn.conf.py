"""What `gunicorn wsgi:app` reads when it is started in this directory. `stepwell serve` needs no such file, and runs anywhere."""

from workflows.hosting import options, refuse
from workflows.settings import SettingsError, from_environment

try:
    globals().update(options(from_environment()))
except SettingsError as error:
    refuse(error, 2)
