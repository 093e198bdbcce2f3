"""Job definitions out of what other schedulers read. Text in; definitions, and a note for each line that cannot be taken over, out.

Nothing is dropped silently and nothing is run: Airflow's Python is read as a syntax tree. Knows no server, and of the job language only
what its documents look like.
"""
