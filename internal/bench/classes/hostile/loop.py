import os
if os.fork() == 0:
    while True:
        pass
while True:
    pass
