# Leaves a folder that is hard to remove: deep, closed, with pipes, links and odd names.
import os
top = os.getcwd()
for n in range(300):
    os.mkfifo("pipe%d" % n)
    os.symlink("/etc", "link%d" % n)
open("a\x1b[31m\n::error::b", "w").close()
for _ in range(300):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
os.chdir(top)
os.makedirs("closed/inner")
os.chmod("closed/inner", 0)
os.chmod("closed", 0o300)
os.rename("src", "was")
os.symlink("was", "src")
os.chmod("was", 0o311)
