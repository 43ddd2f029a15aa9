"""The exchange's rules: pure, `Decimal` only, standard library only, no clock, no randomness, no Django."""
