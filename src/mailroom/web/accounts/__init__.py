"""Mail accounts: connecting, testing, settings, folders, access, and whether everything is here."""
