"""When things are due: cron expressions, intervals and single moments in a time zone, and what is left of them by exceptions.

Pure: a moment comes in, the next moments come out. Knows no store, no execution and no clock.
"""
