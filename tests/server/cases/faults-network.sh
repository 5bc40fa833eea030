#!/bin/bash
# What comes over the network, or waits for others: mirrors and downloads that break in each of their ways, and locks.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/faulting.sh
. "$(dirname "$0")/../faulting.sh"

boot site
put /root/mirror.py 755 <"$LAB_TOP/tests/server/mirror.py"
guest bash -ec '
  openssl req -x509 -newkey rsa:2048 -nodes -keyout /root/key.pem -out /root/cert.pem -days 2 -subj /CN=mirror.lab -addext subjectAltName=DNS:mirror.lab
  cat /root/cert.pem >>/etc/ssl/certs/ca-certificates.crt
  sed -i "s/.*mirror.lab/127.0.0.1 mirror.lab/" /etc/hosts
  printf "Acquire::http::Timeout \"2\";\n" >/etc/apt/apt.conf.d/99timeout
  dpkg --purge strace' </dev/null
background /root/mirror.py 8080 8443 /root/cert.pem /root/key.pem /run/modes
breaks() { printf '%s\n' "$@" | put /run/modes; } # breaks "SUBSTRING MODE"...
works() { guest rm -f /run/modes </dev/null; }
for _ in {1..100}; do ! guest curl -sfo /dev/null http://mirror.lab:8080/SHA256SUMS || break; sleep 0.1; done
sources() { # sources BASE: the packages come from there, and no list is here yet
  guest bash -ec 'sed -i -E "s#^deb [^ ]+/(debian[^ ]*) #deb $1/\1 #" /etc/apt/sources.list; rm -rf /var/lib/apt/lists/*' - "$1" </dev/null
}
no_lists() { guest bash -c 'rm -rf /var/lib/apt/lists/*' </dev/null; }

step "the mirror of packages"
manifest "$SITE" -e 's/present: \[htop\]/present: [htop, strace]/'
before_plan
sources http://mirror.lab:1
before
fault "nobody answers" 1 "mirror.lab" "cannot be reached"
sources http://mirror.lab:8080
before
breaks "InRelease unsigned" "Release unsigned"
fault "a mirror without a signature" 1 "is not signed" "signed"
breaks "InRelease wrong"
no_lists
fault "a mirror with a wrong signature" 1 "signatures were invalid" "signature is wrong"
breaks "bookworm/main/binary-amd64/Packages cut"
no_lists
fault "lists that are cut" 1 "strace" "try later" CITRUS_STALL_TIMEOUT=4
breaks "bookworm/main/binary-amd64/Packages stall"
no_lists
fault "lists that stop in the middle" 1 "the lists cannot be fetched" "too slow" # who gives up, apt or citrus, is a matter of time
works
guest apt-get update -q </dev/null
planned "the mirror of packages"
breaks ".deb wrong"
fault "a package with other bytes" 1 "Hash Sum mismatch" "damaged"
breaks ".deb cut"
fault "a package that is cut" 1 "strace" "try later" CITRUS_STALL_TIMEOUT=8
breaks ".deb stall"
fault "a package that stops in the middle" 1 "timed out" "too slow"
breaks ".deb gone"
fault "a package that is gone" 1 "404  Not Found" "apt-get update"
works

step "others that install"
put /root/holds.py 755 <<'PY'
#!/usr/bin/env python3
import fcntl, sys, time
f = open(sys.argv[1], "r+")
fcntl.lockf(f, fcntl.LOCK_EX)
time.sleep(float(sys.argv[2]))
PY
holds() { # holds FILE SECONDS
  guest systemd-run --quiet --collect --unit=holds /root/holds.py "$@" </dev/null
  for _ in {1..100}; do ! guest python3 -c 'import fcntl,sys; fcntl.lockf(open(sys.argv[1],"r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)' "$1" 2>/dev/null </dev/null || continue; break; done
}
let_go() { guest systemctl stop holds </dev/null 2>/dev/null || true; }
holds /var/lib/dpkg/lock-frontend 600
fault "dpkg's lock is held for too long" 1 "/var/lib/dpkg/lock-frontend is locked by process" CITRUS_LOCK_TIMEOUT CITRUS_LOCK_TIMEOUT=2
has "it names who holds it" holds.py "$OUT"
has "and said that it waits" "waiting for process" "$OUT"
let_go
holds /var/cache/apt/archives/lock 600
fault "the lock of apt's downloads is held for too long" 1 "/var/cache/apt/archives/lock is locked by process" CITRUS_LOCK_TIMEOUT CITRUS_LOCK_TIMEOUT=2
let_go
holds /var/lib/dpkg/lock-frontend 5
mended "a lock that is let go"
guest dpkg --purge strace </dev/null
# Somebody takes it between two of a run's own calls of apt: one that installs, one that removes.
taken() { # taken SECONDS: apt's own hook, as it ends, has somebody take the lock
  guest sh -c 'cat >/etc/apt/apt.conf.d/99taken' <<<"DPkg::Post-Invoke {\"rm -f /run/holds; systemd-run --quiet --collect --unit=holds /root/holds.py /var/lib/dpkg/lock-frontend $1; sleep 3\";};"
}
given_back() { guest rm -f /etc/apt/apt.conf.d/99taken </dev/null; let_go; }
manifest "$SITE" -e 's/present: \[htop\]/present: [strace], absent: [htop]/'
exit_is "a plan with two calls of apt" 0 citrus apply --plan
before
taken 600
stuck "dpkg's lock is taken in mid-run, and held for too long" "/var/lib/dpkg/lock-frontend is locked by process" holds.py "citrus recover" -- CITRUS_LOCK_TIMEOUT=2
given_back
unstuck
taken 6
exit_is "dpkg's lock is taken in mid-run, and let go: it is waited for" 0 citrus apply --yes
has "and it says for whom" "waiting for process" "$OUT"
given_back
manifest "$SITE" -e 's/present: \[htop\]/present: [htop, strace]/'
mended "a lock that was taken in mid-run"
guest dpkg --purge strace </dev/null
guest bash -c 'dpkg --unpack $(find /srv/mirror -name "strace_*.deb")' </dev/null
mended "a dpkg that was interrupted"

step "downloads"
other=$(lab_wordpress_other)
manifest "$SITE" -e 's/present: \[htop\]/present: [htop, strace]/' -e '/  news.example.com:/,/shop/s/version: "7.1.1"/version: "'"$other"'"/' \
  -e 's#url: "http://mirror.lab:8080/wp-cli.phar"#url: "https://mirror.lab:8443/wp-cli.phar"#'
has "WP-CLI is fetched by https" https://mirror.lab:8443 "$(cat "$TMP/manifest")"
guest rm -rf /var/cache/citrus </dev/null
before
before_plan
core=wordpress-$other.tar.gz
breaks "$core gone"
fault "a core that is not there" 1 "http://mirror.lab:8080/$core: HTTP status 404" "server.sources"
breaks "wp-cli.phar wrong"
fault "a wrong checksum" 1 "https://mirror.lab:8443/wp-cli.phar: its SHA-256 is" "correct the checksum only"
breaks "wp-cli.phar endless"
fault "an endless body" 1 "https://mirror.lab:8443/wp-cli.phar: it is larger than" "server.sources"
breaks "wp-cli.phar plain"
fault "a redirect from https to http" 1 "https://mirror.lab:8443/wp-cli.phar" "away from https"
guest rm -rf /var/cache/citrus </dev/null
breaks "$core cut"
fault "a connection that is cut" 1 "http://mirror.lab:8080/$core" "try again later"
breaks "$core loop"
fault "redirects in a circle" 1 "redirects" "from one address to the next"
breaks "$core huge"
fault "a core of ten terabytes" 1 "larger than" "server.sources"
breaks "$core stall"
fault "a core that stops in the middle" 1 "http://mirror.lab:8080/$core" "too slow" CITRUS_STALL_TIMEOUT=3
works
planned "after the downloads"
mended "after the downloads"
is "the new core is there" "$other" "$(guest sed -n "s/^\$wp_version *= *'\([^']*\)'.*/\1/p" /var/www/news.example.com/public/wp-includes/version.php)"
end_background
faults_told
