#!/bin/bash
# slow
# Array of 3 of 5 shares, written by isinglass submit on DATE.
#SBATCH --job-name=isinglass-slow
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=1908M
#SBATCH --time=01:30:00
#SBATCH --partition=normal
#SBATCH --account=me
#SBATCH --open-mode=append
#SBATCH --array=0-2
#SBATCH --output=jobs/1/array-0-%a.out
#SBATCH --requeue
#SBATCH --signal=B:USR1@120

cd -- /home/me || exit 2
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export ISINGLASS_CORES=2

element=$(( ${SLURM_ARRAY_TASK_ID} - 0 ))
shards=(0 1 4)  # element 0, 1, ... of this array fills these shares of the sweep
export ISINGLASS_JOB="${SLURM_ARRAY_JOB_ID}[$element]"
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
if [ "$code" -eq 3 ]; then  # out of time: to the back of the queue, to go on
    if [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ]; then
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" && sleep 60
    fi
fi
exit "$code"
