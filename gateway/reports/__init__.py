"""Serves reports to people and their programs: as pages, live, and as CSV; JSON comes from the transcoder."""
