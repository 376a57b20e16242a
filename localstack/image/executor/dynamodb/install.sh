# Lays DynamoDB Local out of Maven Central as LocalStack expects its archive:
# DynamoDBLocal.jar that names its libraries, the native ones beside it, and an
# agent. LocalStack's own agent raises the number of indexes of a table above
# DynamoDB's 20; ours does nothing, so the limit stays AWS's.
set -eu
version=$1 to=$2
work=$(mktemp -d)
here=$(dirname "$0")
sed "s/@VERSION@/$version/" "$here/pom.xml" >"$work/pom.xml"
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$to/DynamoDBLocal_lib"
mv "$to/DynamoDBLocal_lib/DynamoDBLocal-$version.jar" "$to/DynamoDBLocal_lib/DynamoDBLocal.jar"
# SQLite's loader looks for the name without its version.
for lib in "$to"/DynamoDBLocal_lib/*-1.0.392.so; do
	ln -s "$(basename "$lib")" "${lib%-1.0.392.so}.so"
done
rm -f "$to"/DynamoDBLocal_lib/*.dll "$to"/DynamoDBLocal_lib/*.dylib
mkdir "$work/classes"
javac -d "$work/classes" "$here/Agent.java"
{
	echo "Main-Class: com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
	# One library a line: a line of a manifest that begins with a space goes on
	# with the one before.
	echo 'Class-Path: .'
	for jar in "$to"/DynamoDBLocal_lib/*.jar; do echo "  DynamoDBLocal_lib/$(basename "$jar")"; done
} >"$work/main.txt"
jar cfm "$to/DynamoDBLocal.jar" "$work/main.txt" -C "$here" log4j2.xml
printf 'Premain-Class: Agent\n' >"$work/agent.txt"
jar cfm "$to/ddb-local-loader-0.1.jar" "$work/agent.txt" -C "$work/classes" .
rm -rf "$work"
