"""The rooms of the `judge` command: what each subcommand takes, and the function it calls."""
