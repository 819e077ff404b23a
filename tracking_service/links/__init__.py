"""Second copies of the shortener's links: kept, listed, and handed back."""
