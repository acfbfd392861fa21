"""The mail screen: mailboxes, the list, the letters of a thread, and who wrote them."""
