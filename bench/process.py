"""A process whose time, CPU and memory are measured from its start to its end."""
import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY = 0.05
LOOK_EVERY = 0.02


def cpu_of(pid):
    """CPU seconds (user + system) of a process that is still there."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_of(pid):
    """Most bytes a process has had in memory so far, or 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Failed(Exception):
    """A measured process did not do its work; what it measured is worth nothing."""


class Child:
    """One process that we start. Output goes to a log file; the measures are complete once `ended`."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log, self.peak, self.cpu, self.status = name, log, 0, 0.0, None
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = self.sampled = time.monotonic()
        with open(log, "wb") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        self.pid = self.process.pid

    def ended(self):
        """Looks after the process; true when it is gone."""
        if self.status is not None:
            return True
        now = time.monotonic()
        if now - self.sampled >= SAMPLE_EVERY:
            self.peak, self.sampled = max(self.peak, peak_of(self.pid)), now
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.seconds = time.monotonic() - self.started
        self.status = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = self.peak or usage.ru_maxrss * 1024
        return True

    def wait(self, deadline=3600):
        until = time.monotonic() + deadline
        while not self.ended():
            if time.monotonic() > until:
                self.end()
                raise Failed(f"{self.name} was not done after {deadline} s, see {self.log}")
            time.sleep(LOOK_EVERY)
        return self

    def well(self):
        """The process ended as it should."""
        if self.status != 0:
            tail = self.log.read_text(errors="replace").splitlines()[-15:]
            raise Failed(f"{self.name} ended with status {self.status}\n" + "\n".join(f"    {line}" for line in tail) + f"\n    ({self.log})")
        return self

    def ask_to_end(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGTERM)

    def end(self):
        """Whatever it is doing. It must not outlive the harness."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = self.process.returncode = -signal.SIGKILL

    def measures(self):
        return {"cpu": self.cpu, "peak": self.peak}


class Bystander:
    """A server that we did not start: what it costs between `begin` and `measures`."""

    def __init__(self, pid):
        self.pid, self.before = pid, cpu_of(pid)

    def measures(self):
        return {"cpu": cpu_of(self.pid) - self.before, "peak": peak_of(self.pid)}


class Quiet:
    """Tells when a process has stopped working: two windows in a row with less than a twentieth of a core."""

    WINDOW, SHARE, IN_A_ROW = 0.15, 0.05, 2

    def __init__(self, pid):
        self.pid, self.at, self.quiet, self.cpu = pid, time.monotonic(), 0, 0.0
        self.cpu = self._cpu()

    def _cpu(self):
        """Finer than the clock ticks of `stat`."""
        total = 0
        try:
            threads = os.listdir(f"/proc/{self.pid}/task")
        except FileNotFoundError:
            return self.cpu
        for thread in threads:
            try:
                with open(f"/proc/{self.pid}/task/{thread}/schedstat") as stat:
                    total += int(stat.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
        return total / 1e9

    def reached(self):
        now = time.monotonic()
        if now - self.at < self.WINDOW:
            return False
        cpu = self._cpu()
        self.quiet = self.quiet + 1 if (cpu - self.cpu) / (now - self.at) < self.SHARE else 0
        self.at, self.cpu = now, cpu
        return self.quiet >= self.IN_A_ROW
