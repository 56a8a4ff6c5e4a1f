"""A Slurm of one node, this machine, by Debian's programs, with no accounts kept: for as long as a test needs it."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"
CONFIGURATION = """\
ClusterName=limbeck
SlurmctldHost={host}(127.0.0.1)
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """What is not installed of the programs."""
    return [name for name in PROGRAMS if shutil.which(name, path=PLACES) is None]


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """What the environment must have for `sbatch` and its like to speak to the cluster, which is ready, and ends."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    (folder / "key").write_bytes(os.urandom(1024))
    for place, mode in ((folder / "key", 0o400), (folder, 0o711)):
        place.chmod(mode)
    host = socket.gethostname().partition(".")[0]
    known = {"host": host, "folder": folder, "user": getpass.getuser(), "cores": os.cpu_count(), "ports": _ports(2)}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**known))
    environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PLACES}
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    munge += [f"--key-file={folder}/key", f"--socket={folder}/munge.socket"]
    conf = str(folder / "slurm.conf")
    started = list[subprocess.Popen[str]]()
    try:
        for words in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D", "-f", conf],
            ["slurmd", "-D", "-f", conf],
        ):
            started.append(_begun(words, environment, folder))
        for process in started:
            wait_until(lambda: b"idle" in _said(["sinfo", "--noheader"], environment), process)
        yield environment
        subprocess.run(["scancel", "--user", getpass.getuser()], env={**os.environ, **environment}, check=False)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait()


def _begun(words: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    program = shutil.which(words[0], path=PLACES) or words[0]
    with (folder / f"{words[0]}.said").open("wb") as said:
        return subprocess.Popen(
            [program, *words[1:]], env={**os.environ, **environment}, stdout=said, stderr=said, text=True
        )


def _said(words: list[str], environment: dict[str, str]) -> bytes:
    return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, check=False).stdout


def _ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with_port = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in with_port]
    for each in with_port:
        each.close()
    return found
