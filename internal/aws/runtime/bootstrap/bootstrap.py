"""Runs a handler over the Lambda Runtime API.

Output goes to standard output. What must stay one log event although it has
several lines is framed: a line of 0x01, "frame" and the number of bytes, then
the bytes. A line of 0x01, "end" and the request id follows the last output of
an invocation.
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import threading
import time
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PREFIX = "/2018-06-01/runtime/"
output_lock = threading.Lock()


def die_with_parent():
    """Standard input is a pipe that closes when the emulator goes away."""
    try:
        while os.read(0, 4096):
            pass
    finally:
        os._exit(1)


def frame(text):
    data = text.encode("utf-8", "backslashreplace")
    with output_lock:
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\x01frame %d\n" % len(data) + data)
        sys.stdout.buffer.flush()


def end(request_id):
    with output_lock:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout.buffer.write(b"\x01end %s\n" % request_id.encode())
        sys.stdout.buffer.flush()


class Api:
    """One kept connection."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(API)

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, PREFIX + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer, answer.read()


class Current:
    request_id = ""


class Handler(logging.Handler):
    def emit(self, record):
        try:
            record.aws_request_id = Current.request_id
            frame(self.format(record))
        except Exception:
            self.handleError(record)


def set_up_logging():
    handler = Handler()
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)


class Identity:
    def __init__(self, given):
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")


class Client:
    def __init__(self, given):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, given.get(name))


class ClientContext:
    def __init__(self, given):
        self.custom = given.get("custom")
        self.env = given.get("env")
        self.client = Client(given.get("client") or {})


class Context:
    def __init__(self, headers):
        environ = os.environ
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.tenant_id = None
        self.identity = Identity(json.loads(headers.get("Lambda-Runtime-Cognito-Identity") or "{}"))
        client = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        frame(str(message))


def plain(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def problem(kind, message, stack, request_id=""):
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}


def describe(error, request_id):
    """An exception as AWS shows it, without the frames of this file."""
    stack = [s for s in traceback.extract_tb(error.__traceback__) if s.filename != __file__]
    return problem(type(error).__name__, str(error), traceback.format_list(stack), request_id)


def log_problem(fault):
    lines = [f"[ERROR] {fault['errorType']}: {fault['errorMessage']}"]
    if fault["stackTrace"]:
        lines.append("Traceback (most recent call last):")
    frame("\n".join(lines) + "\n" + "".join(fault["stackTrace"]))


class LoadError(Exception):
    def __init__(self, fault):
        self.fault = fault


def load(name):
    module_name, dot, function = name.rpartition(".")
    if not dot:
        raise LoadError(problem("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)", []))
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise LoadError(problem("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}", []))
    except SyntaxError as error:
        trace = [f"  File \"{error.filename}\" Line {error.lineno}\n    {error.text}"]
        raise LoadError(problem("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace))
    except Exception as error:
        stack = [s for s in traceback.extract_tb(error.__traceback__) if s.filename != __file__ and "importlib" not in s.filename]
        raise LoadError(problem(type(error).__name__, str(error), traceback.format_list(stack)))
    try:
        return getattr(module, function)
    except AttributeError:
        raise LoadError(problem("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'", []))


def invoke(handler, headers, body):
    """Returns the path's last part and what to send there."""
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        event = json.loads(body)
    except ValueError as error:
        fault = problem("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}", [], request_id)
        log_problem(fault)
        return "error", fault
    try:
        answer = handler(event, Context(headers))
    except Exception as error:
        fault = describe(error, request_id)
        log_problem(fault)
        return "error", fault
    try:
        return "response", json.dumps(answer, ensure_ascii=False, default=plain)
    except Exception as error:
        fault = problem("Runtime.MarshalError", f"Unable to marshal response: {error}", [], request_id)
        log_problem(fault)
        return "error", fault


def main():
    threading.Thread(target=die_with_parent, daemon=True).start()
    # A pipe is not a terminal: without this, lines would wait in a buffer.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    os.dup2(1, 2)
    set_up_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    api = Api()
    try:
        handler = load(os.environ["_HANDLER"])
    except LoadError as error:
        log_problem(error.fault)
        end("init")
        api.call("POST", "init/error", json.dumps(error.fault), {"Lambda-Runtime-Function-Error-Type": error.fault["errorType"]})
        sys.exit(1)
    while True:
        answer, body = api.call("GET", "invocation/next")
        if answer.status != 200:
            sys.exit(1)
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        Current.request_id = request_id
        trace = answer.headers.get("Lambda-Runtime-Trace-Id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        where, result = invoke(handler, answer.headers, body)
        end(request_id)
        headers = {"Content-Type": "application/json"}
        if where == "error":
            headers["Lambda-Runtime-Function-Error-Type"] = result["errorType"]
            result = json.dumps(result)
        api.call("POST", f"invocation/{request_id}/{where}", result.encode("utf-8", "backslashreplace"), headers)


main()
