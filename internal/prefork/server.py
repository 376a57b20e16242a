"""Forks itself for each program that it is told to run.

A request is one byte on the socket, with four files: the program's standard
streams and a pipe from which the job is read. Four more are those of a cage
that the program is to be in. Answers are lines: "r" when
ready, "s PID" for a started program, "e PID STATUS" for one that ended, with
the status as wait gives it. The end of the socket ends the server and all that
it started.

One byte "c" with one file is another such socket, for somebody else who asks for
programs: its end ends those, and the end of the first ends all.
"""

import atexit
import base64
import ctypes
import functools
import gc
import importlib
import itertools
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time

C = ctypes.CDLL(None, use_errno=True)
# What pipelines mostly talk to; reading its description takes half of the time
# that a client takes to make.
SERVICES = {"dynamodb": "list_tables", "s3": "list_buckets", "kinesis": "list_streams", "sqs": "list_queues", "lambda": "list_functions"}
PRACTICE = 10  # calls after which the interpreter has adapted its code
READY = []  # the default session for a program
IDLE = 300  # seconds without a program after which the server ends
# What else many programs import, and what connecting to a host by its name does.
MODULES = ("argparse", "csv", "decimal", "encodings.idna", "statistics", "zoneinfo",
           "boto3.dynamodb.conditions", "boto3.dynamodb.transform", "boto3.dynamodb.types")
CONTEXTS = []  # TLS contexts for a program
ENOUGH = 4  # of them


def load():
    """Imports what pipelines use. All of it may be missing."""
    for name in MODULES:
        try:
            importlib.import_module(name)
        except Exception:
            pass
    try:
        import boto3
        import botocore.client
        import botocore.endpoint_provider
        import botocore.httpsession
        import botocore.loaders
        import botocore.useragent

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

        # What a client says of itself is put together, character by character,
        # twice in each call: a tenth of what a call costs.
        part = getattr(botocore.useragent, "UserAgentComponent", None)
        if part:
            part.to_string = functools.lru_cache(1024)(part.to_string)

        # Each client and each chain of credentials makes a TLS context, whether or not
        # it will speak TLS. Nothing that a new one looks at differs between programs,
        # but for a file that keys are to be written to.
        make = botocore.httpsession.create_urllib3_context

        def create_urllib3_context(*arguments, **options):
            if CONTEXTS and not arguments and not options and "SSLKEYLOGFILE" not in os.environ:
                return CONTEXTS.pop()
            return make(*arguments, **options)

        botocore.httpsession.create_urllib3_context = create_urllib3_context

        # What clients of a service are made of is the same for each of them: a
        # function for each operation, and the rules for its endpoints.
        methods = botocore.client.ClientCreator._create_methods
        made = {}

        def create_methods(self, service_model):
            description = service_model._service_description
            found = made.get(id(description))
            if found is None or found[0] is not description:
                found = made[id(description)] = description, methods(self, service_model)
            return dict(found[1])

        botocore.client.ClientCreator._create_methods = create_methods
        ruleset = botocore.endpoint_provider.RuleSet
        rulesets = {}

        def rule_set(version, parameters, rules, partitions, documentation=None):
            found = rulesets.get((id(rules), id(partitions)))
            if found is None or found[0] is not rules or found[1] is not partitions:
                found = rules, partitions, ruleset(version, parameters, rules, partitions, documentation)
                rulesets[id(rules), id(partitions)] = found
            return found[2]

        botocore.endpoint_provider.RuleSet = rule_set

        # The default session is made once; it looks at nothing before it makes
        # a client, but its chain of credentials does, see configured.
        setup = boto3.setup_default_session

        def setup_default_session(**options):
            if READY and not options:
                boto3.DEFAULT_SESSION = READY.pop()
            else:
                setup(**options)

        boto3.setup_default_session = setup_default_session
        READY.append(boto3.session.Session())
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        READY[0]._session.get_component("credential_provider")
        describe("sts")  # imports the rest
    except Exception:
        READY.clear()


def describe(service):
    """Reads what describes a service and lets the interpreter adapt its code to
    calls, for the programs to come. Nobody is called: the answers are made here.
    """
    client = READY[0].client(service, "us-east-1", endpoint_url="http://127.0.0.1:1",
                             aws_access_key_id="none", aws_secret_access_key="none")
    client.meta.events.register("before-send", functools.partial(answer, b"<Answer/>" if service == "s3" else b"{}"))
    if service not in SERVICES:
        return
    for _ in range(PRACTICE):
        getattr(client, SERVICES[service])()
    # Whether it has pages, and what can be waited for, is looked up in the folders of
    # all services: a quarter of what a short program took that reads page by page.
    client.can_paginate(SERVICES[service])
    client.waiter_names


class Body:
    """What a connection would have brought."""

    def __init__(self, content):
        self.content = content

    def stream(self, *_, **__):
        yield self.content


def answer(content, request, **_):
    """Stands for the answer of a service: an empty list."""
    from botocore.awsrequest import AWSResponse

    return AWSResponse(request.url, 200, {"x-amzn-requestid": "0"}, Body(content))


def configured(environment):
    """Whether there is something that a session would look at and this one did not: it
    must be new then. Those are files, and where the credentials of a machine come
    from if there are none.
    """
    names = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DATA_PATH", "BOTO_CONFIG",
             "AWS_IMDS_USE_IPV6", "AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS")
    homes = (os.path.join(environment.get("HOME", "/"), n) for n in (".aws", ".boto"))
    given = "AWS_ACCESS_KEY_ID" in environment or environment.get("AWS_EC2_METADATA_DISABLED") == "true"
    # A file that holds nothing is as good as none; functions have those.
    return (not given or any(environment.get(n, os.devnull) != os.devnull for n in names)
            or any(map(os.path.exists, homes)) or os.path.exists("/etc/boto.cfg"))


def settle():
    """What is there now is never freed: a fork need not copy it for the collector."""
    if READY:
        from botocore.httpsession import create_urllib3_context

        kept, CONTEXTS[:] = CONTEXTS[:], []
        CONTEXTS[:] = kept + [create_urllib3_context() for _ in range(ENOUGH - len(kept))]
    gc.collect()
    gc.freeze()


def serve(first):
    """Answers requests; returns in the child that is to run a program."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, at: None)
    controls = {first}
    children = {}  # the socket on which each was asked for
    tell(first, b"r\n")
    later = list(SERVICES) if READY else []
    while True:
        ready = select.select([*controls, wake_read], [], [], 0 if later else IDLE)[0]
        if not ready and later:  # time to spare
            try:
                describe(later.pop(0))
            except Exception:
                later = []
            settle()
            continue
        if not ready and not children and len(controls) == 1:
            return None
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(children)
        for control in controls.intersection(ready):
            kind, files = request(control)
            if kind == b"c":
                other = socket.socket(fileno=files[0])
                controls.add(other)
                tell(other, b"r\n")
                continue
            if kind != b"f":
                end(pid for pid, asked in children.items() if control in (first, asked))
                if control is first:
                    return None
                controls.discard(control)
                control.close()
                continue
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in controls:
                    other.close()
                os.close(wake_read)
                os.close(wake_write)
                if len(files) == 4:
                    os.setpgid(0, 0)
                else:
                    os.setsid()
                return files
            try:
                if len(files) == 4:  # the head of a group cannot begin a session
                    os.setpgid(pid, pid)
            except OSError:
                pass  # the child did it, and may have ended since
            for file in files:
                os.close(file)
            children[pid] = control
            tell(control, b"s %d\n" % pid)


def request(control):
    """The next request and its files; nothing at the end of the socket."""
    try:
        data, files, _, _ = socket.recv_fds(control, 1, 8)
        return data, files
    except ConnectionError:
        return b"", []


def end(pids):
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


def tell(control, line):
    try:
        control.sendall(line)
    except OSError:
        pass  # nobody listens any more: the socket's end comes next


def reap(children):
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control = children.pop(pid, None)
        if control:
            tell(control, b"e %d %d\n" % (pid, status))


def receive(files):
    """Reads the job and takes its place: streams, folder, environment."""
    with open(files[3], "rb") as pipe:
        job = json.load(pipe)
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
        os.close(file)
    if len(files) > 4:
        confine(job["cage"], *files[4:])
    os.chdir(job["dir"])
    return job


def call(number, *arguments):
    """A system call; None stands for a null pointer."""
    arguments = [a if isinstance(a, (bytes, type(None))) or isinstance(a, ctypes.Array) else ctypes.c_long(a) for a in arguments]
    if C.syscall(ctypes.c_long(number), *arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def prctl(option, *arguments):
    values = [ctypes.c_ulong(a) for a in arguments] + [ctypes.c_ulong(0)] * (4 - len(arguments))
    return C.prctl(ctypes.c_int(option), *values)


def confine(cage, outer, inner, keeper_in, keeper_out):
    """Enters a cage, as internal/confine describes it. Whatever fails ends the program."""
    try:
        if prctl(38, 1):  # PR_SET_NO_NEW_PRIVS
            raise OSError(ctypes.get_errno(), "new privileges")
        call(cage["restrict"], outer, 0)
        keeper = os.posix_spawn(
            cage["shell"],
            ["sh", "-c", cage["keeper"], "sh", str(cage["judge"])],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, keeper_in, 0),
                (os.POSIX_SPAWN_DUP2, keeper_out, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
        call(cage["restrict"], inner, 0)
        for file in (outer, inner, keeper_in, keeper_out):
            os.close(file)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (cage["fileSize"],) * 2)
        resource.setrlimit(resource.RLIMIT_DATA, (cage["memory"],) * 2)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = cage["open"] if most == resource.RLIM_INFINITY else min(cage["open"], most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        os.nice(cage["nice"])
        resource.setrlimit(resource.RLIMIT_NPROC, (cage["tasks"],) * 2)
        for capability in range(64):
            if cage["kept"] >> capability & 1 == 0 and prctl(24, capability):
                break  # PR_CAPBSET_DROP: beyond the last, or for somebody who has none to drop
        if cage["user"]:
            user = cage["user"] + os.getpid()
            prctl(28, 1 << 2)  # PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP: access(2) counts what is kept
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
        held = ctypes.create_string_buffer(24)
        call(cage["capget"], header, held)
        kept = struct.unpack_from("=II", held)[1] & cage["kept"]
        call(cage["capset"], header, struct.pack("=6I", kept, kept, kept, 0, 0, 0))
        for capability in range(32):
            if kept >> capability & 1:
                prctl(47, 2, capability)  # PR_CAP_AMBIENT_RAISE
        text = base64.b64decode(cage["filter"])
        lines = ctypes.create_string_buffer(text, len(text))
        program = ctypes.create_string_buffer(struct.pack("@HP", len(text) // 8, ctypes.addressof(lines)))
        if prctl(22, 2, ctypes.addressof(program)):  # PR_SET_SECCOMP, a filter
            raise OSError(ctypes.get_errno(), "filter")
        os.waitpid(keeper, 0)  # it goes on in the background, and is no child of the program's
    except BaseException as error:
        os.write(2, f"this program could not be confined: {error}\n".encode())
        os._exit(125)


def hidden(folders):
    """Whether a loaded module stands before one in the program's folders."""
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.partition(".")[0] in sys.modules and not name.endswith((".dist-info", ".egg-info", ".pyc")):
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
    if READY and configured(environment):
        READY.clear()
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
        return 2
    main = type(sys)("__main__")
    main.__file__, main.__builtins__ = os.path.abspath(script), __builtins__
    sys.modules["__main__"] = main
    try:
        exec(compile(source, main.__file__, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as end:
        return code(end)
    except BaseException as error:
        # As the interpreter itself reports it: without this file's frame.
        error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def code(end):
    """The exit code that a SystemExit asks for."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def leave(status, last):
    """Ends as an interpreter does, but for what the fork has in common with its
    server: to free that, page by page, would take more time than most programs.
    last is the module that was imported last before the fork.
    """
    threading._shutdown()
    atexit._run_exitfuncs()

    def later(names):
        return list(itertools.takewhile(lambda name: name != last, names))

    try:
        names = later(reversed(sys.modules))
    except RuntimeError:  # a thread that nobody waits for imports something
        names = later(reversed(list(sys.modules)))
    for module in [sys.modules.get(name) for name in ["__main__", *names]]:  # files are closed, destructors run
        names = getattr(module, "__dict__", {})
        if names is globals():
            continue  # there was no program
        for name in list(names):
            if name != "__builtins__":
                names[name] = None
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError):
            pass  # none, or closed
        except OSError:
            status = 120
    os._exit(status)


def start():
    if not hasattr(socket, "recv_fds"):
        sys.exit("needs Python 3.9")
    # What is on this machine is none of the programs' business.
    for name in [n for n in os.environ if n.startswith(("AWS_", "BOTO"))]:
        del os.environ[name]
    os.environ["HOME"] = os.devnull
    try:
        # When no memory is left, the kernel ends programs before who judges them,
        # whoever asked for them; see proc_pid_oom_score_adj(5).
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("800")
    except OSError:
        pass
    load()
    settle()
    files = serve(socket.socket(fileno=3))
    if files:
        last = next(reversed(sys.modules))
        leave(run(receive(files)), last)


start()
