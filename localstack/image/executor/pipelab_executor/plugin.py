"""What LocalStack finds under the name "process"."""

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        from pipelab_executor.executor import ProcessExecutor

        return ProcessExecutor
