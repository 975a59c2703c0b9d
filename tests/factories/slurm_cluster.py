"""A real Slurm cluster of one node, for tests: started by hand from Debian's packages, in a folder of its own.

Nothing is written to /etc and no usual port is taken, so a Slurm that is configured on the machine is left alone.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurmdbd", "mariadb-server")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "slurmdbd", "mariadbd")
POLICY = Path("/usr/sbin/policy-rc.d")
START_SECONDS = 60
CPUS, MEMORY_MB, GPUS = 2, 64_000, 2  # advertised; the machine may have less

CONF = """
ClusterName=elemflow
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
KillWait=5
ReturnToService=2
SlurmdParameters=config_overrides
{accounting}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}
PartitionName=cpu Nodes={host} Default=YES DefaultTime=60
PartitionName=gpu Nodes={host} DefaultTime=60
"""
ACCOUNTING = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports[2]}
AccountingStoragePass=socket={folder}/munge.socket
AccountingStorageTRES=gres/gpu"""
DATABASE_CONF = """
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={ports[2]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def install() -> str | None:
    """Install what is missing; return why that is impossible, if it is."""
    if all(shutil.which(program) for program in PROGRAMS):
        return None
    if os.geteuid() != 0:
        return "Slurm is not installed, and only root can install it"
    if not shutil.which("apt-get"):
        return "Slurm is not installed, and there is no apt-get to install it with"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
    keep_policy = POLICY.exists()
    if not keep_policy:  # the packages shall not start services of their own
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            subprocess.run(["apt-get", "update"], env=environment, capture_output=True, check=False)
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        if not keep_policy:
            POLICY.unlink()
    return f"apt-get cannot install Slurm: {done.stderr.strip()[-300:]}" if done.returncode else None


@dataclass
class SlurmCluster:
    """A running cluster with the partitions `cpu` and `gpu` and two GPUs that are none.

    Args:
        folder: Where everything is kept; its path must be short, since sockets lie in it.
        accounting: Whether there is an accounting database, and hence a working `sacct`.
    """

    folder: Path
    accounting: bool = True
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which Slurm's commands find this cluster."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return dict(os.environ) | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def run(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def start(self) -> None:
        """Write the configuration and start the daemons, each when the one before it answers."""
        for name in ("state", "spool", "bin", "database"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._write_files()
        socket_path = str(self.folder / "munge.socket")
        self._launch(
            ["munged", "--foreground", "--force", f"--socket={socket_path}", f"--key-file={self.folder / 'munge.key'}",
             f"--pid-file={self.folder / 'munged.pid'}", f"--seed-file={self.folder / 'munge.seed'}",
             f"--log-file={self.folder / 'munge.log'}"], ready=["munge", "--no-input", f"--socket={socket_path}"],
        )  # fmt: skip
        if self.accounting:
            self._start_database()
        self._launch(["slurmctld", "-D"], ready=["scontrol", "ping"])
        self._launch(["slurmd", "-D"], ready=["sh", "-c", "sinfo --noheader --format %T | grep --quiet idle"])

    def stop(self) -> None:
        """Cancel all jobs and end the daemons, last started first."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("scancel", "--user=root")
            for _ in range(100):
                if not self.run("squeue", "--noheader"):
                    break
                time.sleep(0.1)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def _write_files(self) -> None:
        ports = _free_ports(3)
        words = {"folder": self.folder, "host": socket.gethostname().split(".")[0], "ports": ports}
        accounting = ACCOUNTING.format(**words) if self.accounting else "AccountingStorageType=accounting_storage/none"
        size = {"cpus": CPUS, "memory": MEMORY_MB, "gpus": GPUS}
        (self.folder / "slurm.conf").write_text(CONF.format(accounting=accounting, **size, **words))
        for number in range(GPUS):
            device = self.folder / f"gpu{number}"
            if not device.exists():
                os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))  # /dev/null under another name
        (self.folder / "gres.conf").write_text(
            f"NodeName={words['host']} Name=gpu Flags=nvidia_gpu_env File={self.folder}/gpu[0-{GPUS - 1}]\n"
        )
        self._write_private("slurmdbd.conf", DATABASE_CONF.format(**words).encode())
        self._write_private("munge.key", os.urandom(128))
        # Snakemake's plugin takes SLURM_CONF away from the srun inside a job.
        srun = self.folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _write_private(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)

    def _start_database(self) -> None:
        data, database_socket = self.folder / "database", str(self.folder / "mysql.socket")
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
             "--auth-root-authentication-method=socket", "--auth-root-socket-user=root"],
            capture_output=True, check=True,
        )  # fmt: skip
        client = ["mariadb", "--no-defaults", f"--socket={database_socket}", "--user=root"]
        self._launch(
            ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={database_socket}",
             f"--pid-file={self.folder / 'mysql.pid'}", "--skip-networking", "--skip-name-resolve",
             "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0"],
            ready=[*client, "--execute=CREATE DATABASE IF NOT EXISTS slurm"],
        )  # fmt: skip
        manage = ["sacctmgr", "--immediate"]
        self._launch(
            ["slurmdbd", "-D"], ready=[*manage, "list", "cluster"], variables={"MYSQL_UNIX_PORT": database_socket}
        )
        self.run(*manage, "add", "cluster", "elemflow")
        self.run(*manage, "add", "account", "materials", "cluster=elemflow")
        self.run(*manage, "add", "user", "root", "account=materials", "cluster=elemflow")

    def _launch(self, command: Sequence[str], ready: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Start a daemon and wait until `ready` succeeds."""
        log = self.folder / f"{command[0]}.out"
        with log.open("wb") as stream:
            environment = self.environment | dict(variables or {})
            daemon = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        self._daemons.append(daemon)
        end = time.monotonic() + START_SECONDS
        while subprocess.run(ready, env=self.environment, capture_output=True, check=False).returncode:
            if daemon.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} does not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
