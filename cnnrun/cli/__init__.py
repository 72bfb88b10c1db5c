"""The command line: one file a verb, tables and progress bars."""
