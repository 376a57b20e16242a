import boto3, os
s3 = boto3.client("s3")
s3.create_bucket(Bucket="hoard-%d" % os.getpid())
for n in range(10 ** 9):
    s3.put_object(Bucket="hoard-%d" % os.getpid(), Key=str(n), Body=os.urandom(8 << 20))
