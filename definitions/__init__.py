"""The definitions that come with Stepwell: examples, each run by a test. Data only; `DIRECTORY` is where the JSON files are.

Task lists: `hello` fails once on purpose and is retried; `sbom` writes a bill of materials of the Python installation it runs in;
`example-complex-analytics` and `example-custom-operator` are goflow's examples, with their schedules off. State machines:
`order-saga` undoes what was done when a later step fails; `csv-fan-out` is a Map over the rows of a file; `retry-catch-showcase` has every
kind of retrier and catcher.
"""

from pathlib import Path

DIRECTORY: Path = Path(__file__).resolve().parent
"""Every `*.json` in here is one definition."""
