"""The life of an alert and what is said of it. Pure, but for `senders`. May import contract."""
