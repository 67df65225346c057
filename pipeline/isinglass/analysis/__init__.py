"""xarray in, xarray out: means with errors, coherence, memory, phase boundaries."""
