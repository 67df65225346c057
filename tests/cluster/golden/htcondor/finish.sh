#!/bin/bash
# slow
# Analysis and figures, behind all elements however they end.

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

/env/bin/python -m isinglass analyse /home/me/run
code=$?
/env/bin/python -m isinglass status /home/me/run
status=$?
exit $(( code ? code : status ))
