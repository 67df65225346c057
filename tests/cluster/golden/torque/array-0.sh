#!/bin/bash
# slow
# Array of 3 of 5 shares, written by isinglass submit on DATE.
#PBS -N isinglass-slow
#PBS -S /bin/bash
#PBS -j oe
#PBS -r y
#PBS -l walltime=01:30:00
#PBS -l nodes=1:ppn=2,mem=1908mb
#PBS -q normal
#PBS -A me
#PBS -o jobs/1/
#PBS -t 0-2

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

element=$(( ${PBS_ARRAYID:-${PBS_ARRAY_INDEX:-0}} - 0 ))
shards=(0 1 4)  # element 0, 1, ... of this array fills these shares of the sweep
export ISINGLASS_JOB="${PBS_JOBID%%[.[]*}[$element]"
export ISINGLASS_UNTIL=$(( $(date +%s) - SECONDS + 5390 ))  # a block that would end later is not begun
export ISINGLASS_WARNING=110  # seconds that are left at SIGUSR1

warned=
/env/bin/python -m isinglass run slow.py --samples 2 --out /home/me/run --cluster threads --yes --shard "${shards[element]}/5" &
pid=$!
trap 'warned=yes; kill -USR1 "$pid"' USR1
trap 'kill -TERM "$pid" 2>/dev/null' TERM INT
wait "$pid"
while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
wait "$pid"
code=$?
if [ "$warned" ] && [ "$code" -eq 138 ]; then code=3; fi  # warned before Isinglass could listen
exit "$code"
