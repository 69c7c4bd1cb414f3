"""Who runs us, and what it wants to know or gives us: systemd, a container, a shell.

activation  listening sockets that were opened or kept for us
storing     having them kept
notify      how we are
reaping     children that we inherit as the first process
pidfile     who we are
preparing   our own process, before anything else
"""
