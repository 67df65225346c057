"""HTML pages about runs. Each is one file that needs no network; `look` holds what they share."""
