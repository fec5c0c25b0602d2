"""Our code inside the sandbox of the runtime ``cpython``; the runner never imports it.

It is copied into the sandbox's own installation of Python, where nothing but the standard library is at hand; so
its modules import each other by relative names. Whatever the workflow does, it can do to this code too: nothing
here is a wall, and what it says is believed by nobody.
"""
