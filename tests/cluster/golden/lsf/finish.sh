#!/bin/bash
# slow
# Analysis and figures, behind all elements however they end.
#BSUB -J isinglass-slow
#BSUB -o jobs/1/finish.out
#BSUB -n 2
#BSUB -R "span[hosts=1]"
#BSUB -M 1908MB
#BSUB -W 90
#BSUB -q normal
#BSUB -P me

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

/env/bin/python -m isinglass analyse /home/me/run
code=$?
/env/bin/python -m isinglass status /home/me/run
status=$?
exit $(( code ? code : status ))
