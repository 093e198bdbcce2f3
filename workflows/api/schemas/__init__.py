"""The shape of all that is asked and answered as JSON, once, a file per kind: `base` has what they are made of, `queries` what stands
behind a "?" in an address. Answers are dumped by the endpoints and loaded back by clients and tests; `/openapi.json` is written from them.

Every field has a description, and every field that is no object or list of them an example, from which the examples of whole answers
are put together. Schemas know the records behind them by the names of their attributes only.
"""
