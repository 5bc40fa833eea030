#!/bin/bash
# workload.sh N [FIRST [COUNT]]: a manifest of N WordPress sites; COUNT of them (1) from FIRST on have another value.
# WORKLOAD_TLS says where their certificates are from (none).
set -euo pipefail
awk -v n="$1" -v first="${2:--1}" -v count="${3:-1}" -v tls="${WORKLOAD_TLS:-none}" 'BEGIN {
  print "citrus: 1\nserver:\n  name: bench\n  php: {versions: [\"8.2\"]}\nsites:"
  for (i = 0; i < n; i++) {
    printf "  site%05d.example.com:\n    type: wordpress\n    tls: {issuer: %s}\n", i, tls
    printf "    nginx: {client_max_body_size: %dM}\n", (first >= 0 && i >= first && i < first + count) ? 48 : 32
    printf "    php: {children: 2, memory_limit: 64M}\n"
    printf "    wordpress:\n      version: \"7.1.1\"\n      title: Site %d\n", i
    printf "      admin: {user: editor, email: editor@site%05d.example.com}\n", i
  }
}'
