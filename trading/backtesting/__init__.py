"""Playing a model over candles in memory: the exchange's rules and the model's, without a database."""
