#!/bin/bash
# slow
# Analysis and figures, behind all elements however they end.
#SBATCH --job-name=isinglass-slow
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=1908M
#SBATCH --time=01:30:00
#SBATCH --partition=normal
#SBATCH --account=me
#SBATCH --open-mode=append
#SBATCH --output=jobs/1/finish.out

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

/env/bin/python -m isinglass analyse /home/me/run
code=$?
/env/bin/python -m isinglass status /home/me/run
status=$?
exit $(( code ? code : status ))
