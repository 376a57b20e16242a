# More calls than a trace can hold, so that what comes later may be forgotten.
import http.client, os, time, urllib.parse
place = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
until = time.time() + 15
try:
    line = http.client.HTTPConnection(place.hostname, place.port)
    while time.time() < until:
        line.request("POST", "/", b"{}", {"X-Amz-Target": "Kinesis_20131202.ListStreams",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request"})
        line.getresponse().read()
except (OSError, http.client.HTTPException):
    pass
