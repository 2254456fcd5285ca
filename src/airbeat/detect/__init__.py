"""Person candidates in frames: detectors behind one protocol, and their fusion over frames."""
