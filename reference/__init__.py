"""The tables of the documents that follow from declarations: fields, settings, endpoints, commands. `python -m reference` writes them."""
