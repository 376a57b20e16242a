"$CLIENT_HOME/bin/python" pipeline.py
