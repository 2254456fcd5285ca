"""Trains the networks that airbeat ships; needs the extra `train`, runs as `python -m train.thermal` here."""
