#!/bin/bash
# slow
# Array of 3 of 5 shares, written by isinglass submit on DATE.
#BSUB -J isinglass-slow[1-3]
#BSUB -o jobs/1/array-0-%I.out
#BSUB -Q "99"
#BSUB -r
#BSUB -wa USR1
#BSUB -wt 2
#BSUB -n 2
#BSUB -R "span[hosts=1]"
#BSUB -M 1908MB
#BSUB -W 90
#BSUB -q normal
#BSUB -P me

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

element=$(( ${LSB_JOBINDEX} - 1 ))
shards=(0 1 4)  # element 0, 1, ... of this array fills these shares of the sweep
export ISINGLASS_JOB="${LSB_JOBID}[$element]"
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
if [ "$code" -eq 3 ]; then
    printf . >> /home/me/run/jobs/1/restarts-"$element"
    if [ "$(wc -c < /home/me/run/jobs/1/restarts-"$element")" -le 20 ]; then exit 99; fi  # asks to run again
fi
exit "$code"
