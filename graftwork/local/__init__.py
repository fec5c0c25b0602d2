"""Real Kafka, MongoDB and model servers on one machine, for ``graftwork up`` and the tests."""
