"""Granian's server processes on one listening socket that all of them inherit."""

from __future__ import annotations

import socket

from granian._granian import ListenerSpec
from granian.server.mp import MPServer

__all__ = ["Workers"]


class Workers(MPServer):
    """Server processes that take connections from one queue.

    Notes
    -----
    On Linux granian gives every process a listening socket of its own, and the system deals connections out between
    them; those that wait in the queue of a process are broken when it ends. With one queue for all, whichever process
    is free takes the next connection, and while none is there, as when the only one is replaced, connections wait.
    """

    def _init_shared_socket(self) -> None:
        holder = ListenerSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._shd = holder  # type: ignore[assignment]
        self._sso = socket.socket(fileno=holder.get_fd())
        self._sso.set_inheritable(True)
