# Locks whatever can be opened, and many parts of one file, then goes on.
import fcntl, glob, os, struct, sys
held = []
for name in glob.glob("**", recursive=True) + glob.glob(sys.prefix + "/lib/python3*/*.py") + ["/etc/passwd", "/dev/null"]:
    try:
        f = os.open(name, os.O_RDONLY)
        held.append(f)
        for how in (lambda: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB), lambda: fcntl.fcntl(f, 1024, 1),
                    lambda: fcntl.fcntl(f, 6, struct.pack("hhqqi", 1, 0, 0, 0, 0))):
            try:
                how()
            except OSError:
                pass
    except OSError:
        pass
mine = os.open(os.environ["TMPDIR"] + "/locked", os.O_CREAT | os.O_RDWR)
try:
    for i in range(300_000):
        fcntl.fcntl(mine, 6, struct.pack("hhqqi", 1, 0, 2 * i, 1, 0))
except OSError:
    pass
