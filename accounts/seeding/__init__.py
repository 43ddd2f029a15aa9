"""Users, accounts and tokens from a file: read (`source`), checked (`schema`), written (`apply`), shown (`report`)."""
