"""whoops: why did my WebSocket session drop?

The package is a house of floors (see ``tui/README.md``): a package imports only from lower ones.
"""

__version__ = "0.1.0"
