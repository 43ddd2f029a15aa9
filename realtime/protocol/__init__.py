"""The wire protocol: messages, errors and their encoding. Pure: no Django, no I/O."""
