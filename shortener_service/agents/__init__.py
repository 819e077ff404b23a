"""Who sends an HTTP request, by what its user agent says: a person, or which kind of program."""
