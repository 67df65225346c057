"""Exact results and reference curves, one file beside each model family."""
