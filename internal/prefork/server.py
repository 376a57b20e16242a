"""Forks itself for each program that it is told to run.

A request is one byte on the socket, with four files: the program's standard
streams and a pipe from which the job is read. Answers are lines: "r" when
ready, "s PID" for a started program, "e PID STATUS" for one that ended, with
the status as wait gives it. The end of the socket ends the server and all that
it started.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time

# What pipelines mostly talk to; reading its description takes half of the time
# that a client takes to make.
SERVICES = ("dynamodb", "s3", "kinesis", "sqs", "lambda")
IDLE = 300  # seconds without a program after which the server ends


def load():
    """Imports what pipelines use. All of it may be missing."""
    try:
        import boto3
        import botocore.loaders

        # A description of a service does not change: read once, used by all.
        plain = botocore.loaders.JSONFileLoader.load_file
        known = {}

        def load_file(self, file_path):
            found = known.get(file_path)
            if found is None:
                found = known[file_path] = plain(self, file_path)
            return found

        botocore.loaders.JSONFileLoader.load_file = load_file

        # Nor does the list of services, in folders that came with the SDK.
        listing = botocore.loaders.Loader.list_available_services
        own = {os.path.join(os.path.dirname(m.__file__), "data") for m in (boto3, botocore)}
        lists = {}

        def list_available_services(self, type_name):
            folders = tuple(p for p in self.search_paths if os.path.isdir(p))
            if not own.issuperset(folders):
                return listing(self, type_name)
            found = lists.get((folders, type_name))
            if found is None:
                found = lists[folders, type_name] = listing(self, type_name)
            return list(found)

        botocore.loaders.Loader.list_available_services = list_available_services
        describe("sts")  # imports the rest
    except Exception:
        pass


def describe(service):
    """Reads what describes a service, for the programs to come. Calls nobody."""
    import boto3

    session = boto3.session.Session("none", "none", region_name="us-east-1")
    session.client(service, endpoint_url="http://127.0.0.1:1")


def settle():
    """What is there now is never freed: a fork need not copy it for the collector."""
    gc.collect()
    gc.freeze()


def serve(control):
    """Answers requests; returns in the child that is to run a program."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, at: None)
    children = set()
    control.sendall(b"r\n")
    later = list(SERVICES) if "boto3" in sys.modules else []
    while True:
        ready = select.select([control, wake_read], [], [], 0 if later else IDLE)[0]
        if not ready and later:  # time to spare
            try:
                describe(later.pop(0))
            except Exception:
                later = []
            settle()
            continue
        if not ready and not children:
            return None
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(control, children)
        if control not in ready:
            continue
        data, files, _, _ = socket.recv_fds(control, 1, 4)
        if not data:
            for pid in children:
                try:
                    os.killpg(pid, signal.SIGKILL)
                except OSError:
                    pass
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            os.close(wake_read)
            os.close(wake_write)
            os.setpgid(0, 0)
            return files
        try:
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child did it, and may have ended since
        for file in files:
            os.close(file)
        children.add(pid)
        tell(control, b"s %d\n" % pid)


def tell(control, line):
    try:
        control.sendall(line)
    except OSError:
        pass  # nobody listens any more: the socket's end comes next


def reap(control, children):
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        children.discard(pid)
        tell(control, b"e %d %d\n" % (pid, status))


def receive(files):
    """Reads the job and takes its place: streams, folder, environment."""
    with open(files[3], "rb") as pipe:
        job = json.load(pipe)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
        os.close(file)
    os.chdir(job["dir"])
    return job


def hidden(folders):
    """Whether a loaded module stands before one in the program's folders."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.partition(".")[0] in loaded and not name.endswith((".dist-info", ".egg-info", ".pyc")):
                return True
    return False


def run(job):
    arguments, environment = job["arguments"], job["environment"]
    script = arguments[1]
    folders = [os.path.dirname(os.path.realpath(script))]
    folders += [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    task = environment.get("LAMBDA_TASK_ROOT")
    odd = any(n.startswith("PYTHON") and n not in ("PYTHONPATH", "PYTHONIOENCODING") for n in environment)
    if odd or environment.get("PYTHONIOENCODING", "utf-8") != "utf-8" or hidden(folders + ([task] if task else [])):
        os.execve(sys.executable, arguments, environment)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = arguments[1:]
    sys.path[:1] = folders
    lenient = "strict" if "PYTHONIOENCODING" in environment else "surrogateescape"
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", errors=lenient, closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors=lenient, closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {os.path.abspath(script)!r}: [Errno {error.errno}] {error.strerror}\n")
        sys.exit(2)
    main = type(sys)("__main__")
    main.__file__, main.__builtins__ = os.path.abspath(script), __builtins__
    sys.modules["__main__"] = main
    try:
        exec(compile(source, main.__file__, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        # As the interpreter itself reports it: without this file's frame.
        error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


def start():
    if not hasattr(socket, "recv_fds"):
        sys.exit("needs Python 3.9")
    load()
    settle()
    files = serve(socket.socket(fileno=3))
    if files:
        run(receive(files))


start()
