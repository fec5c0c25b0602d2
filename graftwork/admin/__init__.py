"""What an operator does to Kafka, MongoDB and the blob store directly, past the services."""
