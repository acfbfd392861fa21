"""The wire: sockets, spoken in the core's words. It knows no table and no web page."""
