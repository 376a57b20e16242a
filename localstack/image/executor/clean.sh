# Takes out what only building needs, and how the building machine reaches its
# registries.
set -eu
apt-get clean
rm -rf /var/lib/apt/lists/* /root/environment /root/.npmrc /root/.m2 /root/.cache /etc/pip.conf /tmp/* \
	/usr/local/share/ca-certificates/* /etc/apt/apt.conf.d/98machine-* /var/log/* /var/cache/*
update-ca-certificates --fresh >/dev/null 2>&1
# Whoever adds packages to the image names a mirror of their own.
if [ -f /etc/apt/sources.list ]; then : >/etc/apt/sources.list; fi
