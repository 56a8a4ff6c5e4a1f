"""Programs named as Slurm's, which do on this machine what submitit asks of them: enough to try what is sent and read.

Not for its queue, its limits or its accounts: an array begins at once, and ends when its processes do.
"""

from __future__ import annotations

import sys
from pathlib import Path

SBATCH = """
import os, re, subprocess, sys
from pathlib import Path
root = Path(__file__).parent / "jobs"
root.mkdir(exist_ok=True)
text = Path(sys.argv[1]).read_text()
number = str(100 + len(list(root.glob("*.sh"))))
(root / f"{number}.sh").write_text(text)
array = re.search(r"--array=0-(\\d+)", text)
for element in range(int(array[1]) + 1) if array else [None]:
    name = number if element is None else f"{number}_{element}"
    of_array = {} if element is None else {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": str(element)}
    environment = {"SLURM_JOB_ID": number, "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_NODEID": "0",
                   "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "NAME": name, **of_array}
    script = f"sh {root / number}.sh; echo $? > {root / name}.ended"
    process = subprocess.Popen(["sh", "-c", script], env={**os.environ, **environment}, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (root / f"{name}.process").write_text(str(process.pid))
print("Submitted batch job", number)
"""
SRUN = """
import os, sys
from pathlib import Path
words, said = sys.argv[1:], {}
while words[0].startswith("--"):
    option = words.pop(0)
    if option != "--unbuffered":
        place = words.pop(0).replace("%A_%a", os.environ["NAME"]).replace("%j", os.environ["NAME"])
        said[option] = Path(place.replace("%t", "0"))
for option, number in (("--output", 1), ("--error", 2)):
    said[option].parent.mkdir(parents=True, exist_ok=True)
    os.dup2(os.open(said[option], os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
os.execvp(words[0], words)
"""
SACCT = """
from pathlib import Path
print("JobID|State|NodeList")
for path in (Path(__file__).parent / "jobs").glob("*.process"):
    ended = path.with_suffix(".ended")
    cancelled = path.with_suffix(".cancelled").exists()
    code = ended.read_text().strip() if ended.exists() else ""
    state = "CANCELLED by 0" if cancelled else "RUNNING" if not code else "COMPLETED" if code == "0" else "FAILED"
    print(f"{path.stem}|{state}|here")
"""
SQUEUE = """
from pathlib import Path
for path in (Path(__file__).parent / "jobs").glob("*.process"):
    ended = path.with_suffix(".ended")
    code = ended.read_text().strip() if ended.exists() else ""
    cancelled = path.with_suffix(".cancelled").exists()
    state = "CANCELLED" if cancelled else "RUNNING" if not code else "COMPLETED" if code == "0" else "FAILED"
    print(f"{path.stem}|{state}")
"""
SCANCEL = """
import os, signal, sys
from pathlib import Path
for number in sys.argv[1:]:
    for path in (Path(__file__).parent / "jobs").glob(f"{number}*.process"):
        if not path.with_suffix(".ended").exists():
            path.with_suffix(".cancelled").touch()
            os.killpg(int(path.read_text()), signal.SIGTERM)
"""


def install(folder: Path) -> Path:
    """The folder, with the programs in it, for PATH."""
    for name, code in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (folder / name).write_text(f"#!{sys.executable}\n{code}")
        (folder / name).chmod(0o755)
    return folder
