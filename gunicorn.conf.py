"""What `gunicorn wsgi:app` reads when it is started in this directory. `stepwell serve` needs no such file, and runs anywhere."""

from workflows.configuration import read_settings
from workflows.hosting import options, refuse
from workflows.setting import SettingsError

try:
    globals().update(options(read_settings()))
except SettingsError as error:
    refuse(error, 2)
