#!/bin/bash
# slow
# Analysis and figures, behind all elements however they end.
#$ -S /bin/bash
#$ -N isinglass-slow
#$ -cwd
#$ -j y
#$ -l h_rt=5400,s_rt=5280
#$ -l mem_free=1908M
#$ -pe smp 2
#$ -q normal
#$ -P me
#$ -o jobs/1/finish.out

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

/env/bin/python -m isinglass analyse /home/me/run
code=$?
/env/bin/python -m isinglass status /home/me/run
status=$?
exit $(( code ? code : status ))
