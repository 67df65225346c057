"""Numba loops, grouped by the mathematics they share; numpy and numba only."""
