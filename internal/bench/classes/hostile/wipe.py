# Forgets what is in its own emulated AWS, with and without the judge's endpoints.
import boto3, os, urllib.request
url = os.environ["AWS_ENDPOINT_URL"]
for method, path in (("POST", "reset"), ("POST", "clock/hold"), ("DELETE", "trace"), ("POST", "faults"),
                     ("POST", "snapshots"), ("POST", "clock/advance"), ("GET", "trace"), ("GET", "info")):
    try:
        print(urllib.request.urlopen(urllib.request.Request(url.rstrip("/") + "/_pipelab/" + path, method=method,
            data=b'{"duration":"1000h"}' if method == "POST" else None), timeout=3).read()[:200])
    except OSError:
        pass
def attempt(act):
    try:
        act()
    except Exception as error:
        print(error)
for region in ("us-east-1",):
    k, d, s, l = (boto3.client(n, region_name=region) for n in ("kinesis", "dynamodb", "s3", "lambda"))
    attempt(lambda: [k.delete_stream(StreamName=n, EnforceConsumerDeletion=True) for n in k.list_streams()["StreamNames"]])
    attempt(lambda: [d.delete_table(TableName=n) for n in d.list_tables()["TableNames"]])
    attempt(lambda: [l.delete_function(FunctionName=f["FunctionName"]) for f in l.list_functions()["Functions"]])
    for b in s.list_buckets()["Buckets"]:
        attempt(lambda: [s.delete_object(Bucket=b["Name"], Key=o["Key"])
                         for o in s.list_objects_v2(Bucket=b["Name"]).get("Contents", [])])
        attempt(lambda: s.delete_bucket(Bucket=b["Name"]))
