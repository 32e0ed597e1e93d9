"""A benchmark and models -> answers -> judgments. Command: `judge`.

Read `run` first: it answers, plans the games, judges them and writes the run folder.
"""
