"""Floor 4: the only network I/O. Opens what it is told to, pumps bytes between sockets and ``tui.client``, and writes
a fact for everything that happens.
"""
