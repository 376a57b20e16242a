package awstest

// Caller is Python for functions: call("dynamodb", "DynamoDB_20120810.PutItem", {…})
// sends a signed request with the function's own credentials, as SDKs do, and is
// quicker to load than one. A refusal is raised with AWS's answer.
const Caller = `
import datetime, hashlib, hmac, json, os, urllib.error, urllib.parse, urllib.request

def call(service, target, payload, version="1.0"):
    env, body = os.environ, json.dumps(payload).encode()
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = "/".join([now[:8], env["AWS_REGION"], service, "aws4_request"])
    headers = {"content-type": "application/x-amz-json-" + version,
        "host": urllib.parse.urlparse(env["AWS_ENDPOINT_URL"]).netloc, "x-amz-date": now,
        "x-amz-security-token": env["AWS_SESSION_TOKEN"], "x-amz-target": target}
    names = ";".join(headers)
    canonical = "\n".join(["POST", "/", ""] + [k + ":" + v for k, v in headers.items()] +
        ["", names, hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + env["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/") + [text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        env["AWS_ACCESS_KEY_ID"], scope, names, key.hex())
    try:
        return json.load(urllib.request.urlopen(urllib.request.Request(env["AWS_ENDPOINT_URL"] + "/", body, headers)))
    except urllib.error.HTTPError as e:
        raise RuntimeError(e.read().decode())
`
