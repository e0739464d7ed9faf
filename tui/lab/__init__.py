"""Floor 4: the embedded server. A small honest STOMP broker and an echo endpoint, and the stories they tell.

It runs as a child process of its own (``whoops lab``), so a story's server is as far away as a real one. The broker
is sans-IO (``broker``); listeners bring it bytes through one ``driver``, so a further way in is a further listener.
"""
