"""How any service runs: settings, ledger, bus, tasks, journal, blobs, telemetry, lifecycle."""
