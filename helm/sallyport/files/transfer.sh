#!/bin/sh
# Uploads a file, downloads it and compares, several times, as a partner would. Leaves nothing behind.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quoted() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
# In a file, so that the list of processes does not show it.
(umask 077 && printf 'user = "%s:%s"\n' "$(quoted "$LOGIN_USER")" "$(quoted "$LOGIN_PASSWORD")" > "$work/login")

call() {
  set -- --silent --show-error --config "$work/login" --ssl-reqd --connect-timeout 20 --max-time 120 "$@"
  if [ -s "$CA" ]; then set -- --cacert "$CA" "$@"; fi
  curl --connect-to "$NAME:$PORT:$HOST:$PORT" "$@"
}

folder=${FOLDER#/}
folder=${folder%/}
file="sallyport-test-$(date +%s)-$$"
remote="${folder:+$folder/}$file"
url="$SCHEME://$NAME:$PORT/$remote"
head -c 1000000 /dev/urandom > "$work/sent"

number=0
while [ "$number" -lt "$TRANSFERS" ]; do
  number=$((number + 1))
  call --upload-file "$work/sent" "$url"
  call --output "$work/received" "$url"
  cmp "$work/sent" "$work/received"
  rm "$work/received"
  echo "$number: uploaded, downloaded, the same"
done
call --output "$work/listing" --quote "-DELE $remote" "$SCHEME://$NAME:$PORT/"
echo "$TRANSFERS uploads and downloads through $HOST:$PORT as $NAME: fine"
