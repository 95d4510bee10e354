#!/usr/bin/env bash
# Refreshes static/vendor from npm: pinned versions, the archive checked by the digest below, and what is served by
# static/vendor/SHA256SUMS. Two files are changed on the way, in ways shown here, because browsers load them as they are:
# bare imports become file names, and uPlot's script gets an export.
#
#   web/vendor.sh          fetch, check, write
#   web/vendor.sh --check  only compare static/vendor with SHA256SUMS (no network)
set -euo pipefail
cd "$(dirname "$0")/static/vendor"

if [ "${1-}" = --check ]; then
	sha256sum --check --strict --quiet SHA256SUMS
	exit
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# fetch NAME VERSION SHA512: unpacks the npm package into $tmp/NAME.
fetch() {
	local name=$1 version=$2 want=$3 got
	(cd "$tmp" && npm pack --silent "$name@$version" >/dev/null)
	got=$(openssl dgst -sha512 -binary "$tmp/$name-$version.tgz" | openssl base64 -A)
	if [ "$got" != "$want" ]; then
		echo "$name $version: the archive is not the one that was reviewed: sha512-$got" >&2
		exit 1
	fi
	mkdir -p "$tmp/$name"
	tar -xzf "$tmp/$name-$version.tgz" -C "$tmp/$name" --strip-components=1
}

fetch preact 11.2.0 /HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==
fetch htm 3.1.1 983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==
fetch uplot 1.6.32 KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==

unmapped() { sed '/^\/\/# sourceMappingURL=/d' "$1"; }

unmapped "$tmp/preact/dist/preact.mjs" >preact.js
unmapped "$tmp/preact/hooks/dist/hooks.mjs" | sed 's|from"preact"|from"./preact.js"|' >hooks.js
cp "$tmp/htm/dist/htm.mjs" htm.js
{ cat "$tmp/uplot/dist/uPlot.iife.min.js"; echo 'export default uPlot;'; } >uplot.js
cp "$tmp/uplot/dist/uPlot.min.css" uplot.css
cp "$tmp/preact/LICENSE" LICENSE.preact
cp "$tmp/htm/LICENSE" LICENSE.htm
cp "$tmp/uplot/LICENSE" LICENSE.uplot

cat >README.md <<'TXT'
# Vendored from npm

| file | package | licence |
| --- | --- | --- |
| preact.js, hooks.js | preact 11.2.0 | MIT, LICENSE.preact |
| htm.js | htm 3.1.1 | Apache 2.0, LICENSE.htm |
| uplot.js, uplot.css | uplot 1.6.32 | MIT, LICENSE.uplot |

Written by `web/vendor.sh`, which holds the versions and digests; what it changes is in it. Do not edit by hand.
`SHA256SUMS` is checked by a test.
TXT
LC_ALL=C sha256sum LICENSE.* README.md *.css *.js >SHA256SUMS
