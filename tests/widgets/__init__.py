"""The widgets without a browser: requests, the feed, the static picture."""
