"""The only importer of pymavlink: codecs, transport, sans-I/O transfer machines, telemetry, commands."""
