"""A throw-away company with its own mail server inside the process: nothing leaves the machine."""
