"""Who may what: roles, passwords, sessions, the proxy's word, and what keeps other sites out."""
