#!/bin/bash
# A grid in eight processes on two machines, a GPU each: sbatch docs/slurm.sh. The same line again goes on after a kill.
#SBATCH --job-name=jaxnn
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue

# A process that dies takes the others with it at once, and the job is put into the queue again: it goes on in the folder.
srun --kill-on-bad-exit=1 jaxnn grid digits --lr 1e-4:1e-1:64 --seeds 8 --folder "$SLURM_SUBMIT_DIR/runs" --distributed ||
    scontrol requeue "$SLURM_JOB_ID"
