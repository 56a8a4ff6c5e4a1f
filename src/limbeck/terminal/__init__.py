"""A terminal or a notebook: text that is safe to show there, what is said on the way, and how far work is."""
