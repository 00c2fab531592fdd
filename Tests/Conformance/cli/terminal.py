"""Programs under a pseudo-terminal, as a person at a keyboard has them: a size, a screen, keys, a shell's job control."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def plain(text):
    """What is left for the eye when sequences are taken out."""
    return ESCAPE.sub("", text)


class Terminal:
    """A child that leads a session of its own on a pseudo-terminal."""

    def __init__(self, command, environment, columns=80, rows=24):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        self.resize(columns, rows, tell=False)

    def resize(self, columns, rows=24, tell=True):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            os.kill(self.pid, signal.SIGWINCH)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def pump(self, seconds=0.05):
        """Reads what is there. False at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other end is closed
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, words, seconds=90):
        deadline = time.monotonic() + seconds
        start = len(self.output)
        while time.monotonic() < deadline:
            if words in plain(self.output):
                return self
            if not self.pump():
                break
        raise AssertionError(f"waited in vain for {words!r}; the screen says {plain(self.output[start - 2000:])!r}")

    def wait(self, seconds=90):
        """The exit code; minus a signal's number."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.pump()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.pump(0.1) and select.select([self.fd], [], [], 0)[0]:
                    pass
                self.pid = 0
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it does not end; the screen says {plain(self.output[-2000:])!r}")

    def state(self):
        """R, S, T and so on, of /proc/PID/stat."""
        with open(f"/proc/{self.pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def wait_for_state(self, state, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.pump(0.02)
            if self.state() == state:
                return
        raise AssertionError(f"its state is {self.state()}, not {state}")

    def echoes(self):
        """The terminal shows what is typed, as shells expect it."""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO) and bool(termios.tcgetattr(self.fd)[3] & termios.ICANON)

    def close(self):
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.kill(self.pid, signal.SIGCONT)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            os.close(self.fd)
            self.pid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
