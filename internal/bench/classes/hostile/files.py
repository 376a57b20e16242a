# Half of what is written has no name any more.
import os
os.chdir(os.environ["TMPDIR"])
held, n = [], 0
while True:
    n += 1
    f = open(str(n), "wb")
    f.write(os.urandom(1 << 20))
    f.flush()
    if n % 2:
        os.unlink(str(n))
        held.append(f)
    else:
        f.close()
