"""What a model answers when it may be run: one family of causes a file, each probe a function of a `Subject`."""
