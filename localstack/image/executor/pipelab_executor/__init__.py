"""Runs LocalStack's Lambda functions as processes of its own container.

LocalStack itself starts a container for each function: it needs Docker's socket,
an image for each runtime and a program of its own from the internet. Here a
function is a process that speaks the Lambda Runtime API, as in the embedded AWS.
Nothing isolates it from LocalStack, layers are not applied, memory is not
limited.
"""
