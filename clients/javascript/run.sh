cp pipeline.cjs "$CLIENT_HOME" && node "$CLIENT_HOME/pipeline.cjs"
