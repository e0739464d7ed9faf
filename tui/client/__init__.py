"""Floor 3: how our clients behave, sans-IO. An event, a command or a wake-up goes in; bytes to send, the next
wake-up and requests to the transport come out. Every deadline of ours is decided here; ``tui.probe`` drives it.
"""
