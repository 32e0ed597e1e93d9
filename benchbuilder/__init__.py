"""Crowdsourced prompts -> a hard benchmark. Command: `benchbuild`.

Read `build` first: it is the pipeline, one named step a line.
"""

__version__ = "0.1.0"
