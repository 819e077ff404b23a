"""What is measured side by side: Clicktrail, and other ways to do the same."""
