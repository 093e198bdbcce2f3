"""Alerts: what they are about, who hears which, and whether a run came late or not at all.

Pure: facts come in, events and verdicts come out. Knows no store, no clock and nobody who delivers anything.
"""
