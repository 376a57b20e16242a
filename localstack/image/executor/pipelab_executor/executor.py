"""Starts a function's process, invokes it, and ends it with all it started."""

import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import (
    LambdaRuntimeException,
    RuntimeExecutor,
)

from pipelab_executor.runtimeapi import RuntimeApi, fault

HERE = pathlib.Path(__file__).parent
INIT_SECONDS = 10  # what AWS gives a function to start


def command(runtime, code):
    """What runs a function of this runtime."""
    if runtime.startswith("python"):
        return ["python3", str(HERE / "bootstrap.py")]
    if runtime.startswith("nodejs"):
        return ["node", str(HERE / "bootstrap.mjs")]
    if runtime.startswith("provided"):
        return [str(code / "bootstrap")]
    raise LambdaRuntimeException(f"{runtime} cannot run here; Python, Node.js and provided runtimes can")


class Output(threading.Thread):
    """Reads what the process prints, without the frames of the bootstraps."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream = stream
        self.parts = []
        self.ended = threading.Event()  # an invocation's last line has been read

    def run(self):
        for line in self.stream:
            if line.startswith(b"\x01frame "):
                self.parts.append(self.stream.read(int(line.split()[1])))
            elif line.startswith(b"\x01end "):
                self.ended.set()
            else:
                self.parts.append(line)
        self.ended.set()

    def take(self):
        parts, self.parts = self.parts, []
        return b"".join(p if p.endswith(b"\n") else p + b"\n" for p in parts).decode("utf-8", "replace")


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self.lock = threading.Lock()
        self.process = None

    def start(self, env_vars: dict[str, str]) -> None:
        self.env_vars = env_vars
        self._start()

    def _start(self):
        code = self.function_version.config.code.get_unzipped_code_location()
        runtime = self.function_version.config.runtime
        self.api = RuntimeApi()
        self.tmp = tempfile.mkdtemp(prefix="function-")
        env = {name: str(value) for name, value in self.env_vars.items()}
        # The function's code is where LocalStack unpacked it, not at /var/task.
        env |= {
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "LAMBDA_TASK_ROOT": str(code),
            "TMPDIR": self.tmp,
            "HOME": self.tmp,
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = subprocess.Popen(
            command(runtime, code),
            cwd=code,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.output = Output(self.process.stdout)
        self.output.start()
        threading.Thread(target=self._watch, args=(self.process, self.api), daemon=True).start()
        timeout = max(INIT_SECONDS, self.function_version.config.timeout)
        started = self.api.ready.wait(timeout)
        if self.api.init_fault is not None or not started or self.process.poll() is not None:
            payload = self.api.init_fault
            if payload is None:
                payload = fault("Runtime.ExitError", "Error: Runtime exited before it was ready").payload
            self._end()
            raise StatusErrorException("Environment startup failed", payload=payload)

    @staticmethod
    def _watch(process, api):
        """Whoever waits for a process that has gone hears of it."""
        status = process.wait()
        reason = f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        api.ready.set()
        api.answers.put(fault("Runtime.ExitError", f"Error: Runtime exited with error: {reason}"))

    def _end(self):
        process, self.process = self.process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        self.api.close()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def stop(self) -> None:
        with self.lock:
            self._end()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        with self.lock:
            if self.process is None or self.process.poll() is not None:  # the last invocation ended it
                self._end()
                self._start()
            api, output, process = self.api, self.output, self.process
            output.ended.clear()
        timeout = self.function_version.config.timeout
        api.send(payload, timeout)
        try:
            answer = api.answers.get(timeout=timeout)
            # Output that came before the answer belongs to it. A runtime of the
            # function's own ends with no mark.
            if not self.function_version.config.runtime.startswith("provided"):
                output.ended.wait(1)
        except queue.Empty:
            answer = fault("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds")
        if answer.failed and (b"Runtime.ExitError" in answer.payload or b"Sandbox.Timedout" in answer.payload):
            with self.lock:
                if self.process is process:
                    self._end()
        text = f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n{output.take()}END RequestId: {request_id}\n"
        if b"Sandbox.Timedout" in answer.payload and answer.failed:
            text += f"{request_id} Task timed out after {timeout:.2f} seconds\n"
        return InvocationResult(request_id, answer.payload, is_error=answer.failed, logs=text)

    def get_logs(self) -> str:
        return self.output.take()

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        settings = function_version.config
        if settings.layers:
            raise LambdaRuntimeException("layers are not applied here")
        if settings.runtime is None:
            raise LambdaRuntimeException("container images cannot run here")
        if settings.code:
            settings.code.prepare_for_execution()
            command(settings.runtime, settings.code.get_unzipped_code_location())

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        pass
