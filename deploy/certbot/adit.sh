#!/bin/sh
# Goes to /etc/letsencrypt/renewal-hooks/deploy/: certbot runs it as root with RENEWED_LINEAGE, the folder of the new
# certificate. It hands a copy to whoever speaks https, because certbot's own folder is root's alone.
set -eu

# The hub itself. For Caddy: group=caddy folder=/etc/caddy/tls service=caddy
group=adit
folder=/etc/adit/tls
service=adit-server

install -d -m 750 -g "$group" "$folder"
install -m 640 -g "$group" "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem" "$folder"
# Before the first start there is nothing to reload.
if systemctl is-active --quiet "$service"; then systemctl reload "$service"; fi
