"""The runs of a folder, live while they train, in all views of the report."""
