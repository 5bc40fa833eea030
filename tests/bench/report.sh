#!/bin/bash
# report.sh FIGURES: puts the lines that bench.sh printed into docs/performance.md, as a table, and into
# docs/performance.svg, as a chart. Those of the cases on real servers (server_NAME) have a table of their own.
set -euo pipefail
figures=$(realpath "$1")
cd "$(dirname "$0")/../../docs"
if grep -q '^server_' "$figures"; then mark='server figures'; else mark=figures; fi

table() {
  awk -v machine="$(nproc) cores, $(sed -nE 's/^PRETTY_NAME="(.*)"$/\1/p' /etc/os-release)" '
    NF < 3 {next}
    {n = $1; sub(/^.*_/, "", n); name = $1; sub(/_[0-9]+$/, "", name)}
    name ~ /^goal_/ {goal[substr(name, 6), n] = $2; met[substr(name, 6), n] = $3; kept[$3]++; next}
    {
      if (!(n in known)) {known[n] = 1; size[++sizes] = n}
      v[name, n] = $2; there[name] = 1
    }
    function cell(name, n, unit,   text) {
      if (!((name, n) in v)) return "-"
      text = v[name, n] unit
      if ((name, n) in goal) text = text " (" goal[name, n] ": " (met[name, n] == "met" ? "met" : "**missed**") ")"
      return text
    }
    function row(title, name, unit,   i) {
      if (!(name in there)) return
      printf "| %s |", title
      for (i = 1; i <= sizes; i++) printf " %s |", cell(name, size[i], unit)
      printf "\n"
    }
    function server_rows() {
      row("a look, nothing changed (glance), CPU", "server_glance", " ms")
      row("the same, wall", "server_glance_wall", " ms")
      row("a look without a glance, CPU", "server_look", " ms")
      row("on the machine of the goals, by what an lstat costs", "server_look_scaled", " ms")
      row("the same, wall", "server_look_wall", " ms")
      row("processes started", "server_look_processes", "")
      row("peak memory", "server_look_memory", " MiB")
      row("lstat of the files of all cores, and nothing else, CPU", "server_walk", " ms")
      row("one lstat, by its path, CPU", "server_lstat", " us")
      row("a look that reads everything (`--verify`), CPU", "server_verify", " ms")
      row("so many sites installed at once, wall", "server_install", " ms")
      row("by a bare shell script", "server_install_script", " ms")
      row("**ratio**", "server_install_ratio", "")
      row("CPU, without that of MariaDB", "server_install_cpu", " ms")
      row("of the script", "server_install_script_cpu", " ms")
      row("with the health gate, wall", "server_install_asked", " ms")
    }
    END {
      for (i = 2; i <= sizes; i++)
        for (k = i; k > 1 && size[k - 1] + 0 > size[k] + 0; k--) {n = size[k]; size[k] = size[k - 1]; size[k - 1] = n}
      printf "Measured on %s. In brackets the goal, and whether it is met: %d are, %d are not.\n\n| sites |", machine, kept["met"], kept["missed"]
      for (i = 1; i <= sizes; i++) printf " %s |", size[i]
      printf "\n|---|"
      for (i = 1; i <= sizes; i++) printf "---|"
      printf "\n"
      server_rows()
      row("a look, nothing changed (glance), CPU", "noop", " ms")
      row("the floor with a digest of the inputs", "noop_floor", " ms")
      row("**ratio**", "noop_ratio", "")
      row("peak memory", "noop_memory", " MiB")
      row("CPU of a further site", "noop_per_site", " us")
      row("of the floor", "noop_floor_per_site", " us")
      row("how much dearer than at the size before, by that of the floor", "noop_growth", "")
      row("a look that reads everything (`--verify`), CPU", "verify", " ms")
      row("the floor that renders and compares", "verify_floor", " ms")
      row("**ratio**", "verify_ratio", "")
      row("peak memory", "verify_memory", " MiB")
      row("CPU of a further site", "verify_per_site", " us")
      row("of the floor", "verify_floor_per_site", " us")
      row("how much dearer than at the size before, by that of the floor", "verify_growth", "")
      row("a look for which nothing was kept (all parsed, rendered, compared), CPU", "whole", " ms")
      row("by the floor that renders and compares", "whole_ratio", "")
      row("peak memory", "whole_memory", " MiB")
      row("the same, and every file is read, CPU", "whole_read", " ms")
      row("peak memory", "whole_read_memory", " MiB")
      row("one value changed, applied and durable, CPU over the look", "change", " ms")
      row("on the machine of the goals, by the floor that renders and compares", "change_scaled", " ms")
      row("the same, wall", "change_wall", " ms")
      row("peak memory", "change_memory", " MiB")
      row("the look that is taken off, timed in between", "change_look", " ms")
      row("right after another change, without a look in between, CPU over the look", "change_again", " ms")
      row("first apply of the tree, durable, wall", "first_apply", " ms")
      row("the floor that writes it with two syncfs", "first_apply_floor", " ms")
      row("**ratio**", "first_apply_ratio", "")
      row("the floor that writes its files alone, where the directories are", "first_apply_files", " ms")
      row("ratio", "first_apply_files_ratio", "")
      row("first apply, CPU", "first_apply_cpu", " ms")
      row("peak memory", "first_apply_memory", " MiB")
      row("100 files changed, applied, wall", "journal_apply", " ms")
      row("a look at that change", "journal_look", " ms")
      row("the floor that writes them with two syncfs", "journal_floor", " ms")
      row("of these, to start and to read them", "journal_floor_read", " ms")
      row("**ratio** of what is beyond looking and reading", "journal_ratio", "")
      row("cold cache: a look, nothing changed, wall", "cold", " ms")
      row("cold cache: `--verify`, wall", "cold_verify", " ms")
      row("cold cache: the floor with lstat alone", "cold_floor", " ms")
      row("**ratio** of the look", "cold_ratio", "")
      row("ratio of `--verify`", "cold_verify_ratio", "")
      row("`drift --watch`: peak memory", "watch_memory", " MiB")
      row("of a look that it starts, for as long as that takes", "watch_look_memory", " MiB")
      row("CPU in 20 s of rest", "watch_rest", " ms")
      row("CPU in 65 s, with the slow look of each minute", "watch_minute", " ms")
      row("from an edit to its line", "watch_notice", " ms")
      row("the slowest of five", "watch_notice_worst", " ms")
      split("cfengine puppet ansible", peers, " ")
      for (p = 1; p <= 3; p++) {
        row(peers[p] ", nothing changed, CPU", "noop_" peers[p], " ms")
        row("**as multiple of citrus**", "noop_" peers[p] "_ratio", "")
        row("peak memory", "noop_" peers[p] "_memory", " MiB")
      }
    }' "$figures"
}

chart() { # both axes logarithmic: what grows with the sites is a straight line
  awk '
    function x(n) {return 70 + (log(n) / log(10) - 1) * 480 / decades}
    function y(ms) {return 340 - (log(ms) / log(10)) * 300 / tall}
    function line(name, colour, title,   i, pts, last) {
      for (i = 1; i <= sizes; i++) if ((name, size[i]) in v) {
        pts = pts sprintf("%.0f,%.0f ", x(size[i]), y(v[name, size[i]]))
        last = size[i]
        printf "<circle cx=\"%.0f\" cy=\"%.0f\" r=\"3\" fill=\"%s\"/>\n", x(last), y(v[name, last]), colour
      }
      printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", pts, colour
      printf "<text x=\"%.0f\" y=\"%.0f\" fill=\"%s\">%s</text>\n", x(last) + 8, y(v[name, last]) + 4, colour, title
    }
    NF >= 3 && !/^goal_/ {
      n = $1; sub(/^.*_/, "", n); name = $1; sub(/_[0-9]+$/, "", name)
      if (!(n in known)) {known[n] = 1; size[++sizes] = n}
      v[name, n] = $2
      if (name ~ /^(noop|verify)(_floor)?$/ && $2 > most) most = $2
    }
    END {
      decades = log(size[sizes]) / log(10) - 1
      if (decades < 1) decades = 1
      for (tall = 1; 10 ^ tall < most; tall++);
      print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 390\" font-family=\"sans-serif\" font-size=\"12\">"
      print "<rect width=\"760\" height=\"390\" fill=\"#ffffff\"/>"
      print "<text x=\"70\" y=\"22\" font-size=\"14\">CPU of a look that finds nothing to do, in ms</text>"
      for (t = 0; t <= tall; t++) {
        printf "<line x1=\"70\" x2=\"550\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#dddddd\"/>\n", y(10 ^ t), y(10 ^ t)
        printf "<text x=\"62\" y=\"%.0f\" text-anchor=\"end\">%d</text>\n", y(10 ^ t) + 4, 10 ^ t
      }
      for (i = 1; i <= sizes; i++)
        printf "<text x=\"%.0f\" y=\"362\" text-anchor=\"middle\">%s</text>\n", x(size[i]), size[i]
      print "<text x=\"310\" y=\"382\" text-anchor=\"middle\">sites</text>"
      line("verify", "#b5541c", "citrus --verify")
      line("verify_floor", "#e0a878", "its floor")
      line("noop", "#1c5fb5", "citrus, a glance")
      line("noop_floor", "#7aa8e0", "its floor")
      print "</svg>"
    }' "$figures"
}

table >figures.part
awk -v mark="$mark" '$0 == "<!-- " mark " -->" {print; print ""; while ((getline line < "figures.part") > 0) print line; print ""; skip = 1; next}
  $0 == "<!-- end of " mark " -->" {skip = 0}
  !skip' performance.md >performance.part
mv performance.part performance.md
rm figures.part
[ "$mark" != figures ] || chart >performance.svg
