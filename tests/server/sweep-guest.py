#!/usr/bin/python3
"""The part of the sweep that runs on the server itself (sweeping.sh puts it there and starts it).

    sweep-guest.py snapshot                the whole managed state, a line a thing
    sweep-guest.py measure MANIFEST CACHE  a whole apply: its steps to DIR/steps, what came of it to DIR/after, which
                                           kinds it changed to DIR/kinds
    sweep-guest.py points MANIFEST CACHE   reads "N MODE" lines, kills an apply at its step N, recovers, compares;
                                           a line of the result for each
    sweep-guest.py keep MANIFEST -         writes the state down, to be looked at after a power cut (powercuts.sh)
    sweep-guest.py look MANIFEST SAID      old or new? SAID is what recovery said

CACHE is `cold` (downloads are fetched and unpacked in each apply) or `warm` (they were before; it saves seconds).
It stays one process over many points, since starting one from outside costs more than most of them. A point whose
recovery gave the old state back, line by line, leaves the server as it was: the next point goes on from there. After
any other it ends, and whoever started it boots another server.

Modes: recover (`citrus recover`), apply (the next apply recovers by itself), twice (recover is killed as well),
through (the next apply of the same manifest recovers and goes on to the end)."""
import hashlib, json, os, re, sqlite3, stat, subprocess, sys, time

DIR = "/root/sweep"
# passwd.250, passwd+: by these names the tools of accounts lock passwd and write it anew, and one that a power cut ended
# leaves them behind.
# server.yaml is the sweep's own manifest. passwd-, .pwd.lock and their like, mtab, machine-id, ld.so.cache: what tools and
# a boot leave. The store, its lock, key, downloads and empty directories: citrus's memory, which is to know what was.
# trash/N-mysql: the data that an installation of MariaDB made is nothing that undo would delete.
SKIP = re.compile(r"/(etc/citrus/server\.yaml|etc/(passwd|group|shadow|gshadow|subuid|subgid)-|"
                  r"etc/(passwd|group|shadow|gshadow|subuid|subgid)(\.(\d+|lock)|\+)$|"
                  r"etc/(\.pwd\.lock|mtab|machine-id|ld\.so\.cache)|"
                  r"var/lib/citrus/(store\.db|lock|store|secret\.key|artifacts/|trash$|trash/\d+-mysql|undo$)|var/lib/citrus$)")
# Account tools write these files anew; their lines are compared below, sorted, as one that went and came is last.
ACCOUNTS = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)$")
# apt and systemctl make these links anew when they take something back.
RELINKED = re.compile(r"/etc/(rc[0-9S]\.d|systemd/system|alternatives)/")
# What a server writes by living.
LIVING = re.compile(r"/var/www/[^/]*/(logs|tmp|sessions)/")
UNITS = ["nginx", "php8.2-fpm", "mariadb", "redis-server", "fail2ban", "ssh", "cron"]


def output(*argv, stdin=None):
    r = subprocess.run(argv, stdin=subprocess.DEVNULL if stdin is None else None, input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace")
    return r.returncode, r.stdout


def sql(text):
    rc, out = output("mariadb", "-NBe", text)
    if rc:
        raise RuntimeError("mariadb: " + out)
    return out.splitlines()


class State:
    """What a file is said to be is kept by what no change leaves as it was: inode, size, mtime and ctime (which a change
    of mode or owner moves, too). Looking again at ten thousand files that nobody touched costs an lstat each."""

    def __init__(self):
        self.known = {}

    def line(self, path, st):
        mode, link, size, mtime, digest = "%o" % stat.S_IMODE(st.st_mode), "", st.st_size, st.st_mtime_ns, ""
        kind = {stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFREG: "f"}.get(stat.S_IFMT(st.st_mode), "s")
        if kind == "d" or ACCOUNTS.match(path):
            size = mtime = "-"
        if RELINKED.match(path):
            mtime = "-"
        if kind == "l":
            link = os.readlink(path)
        if kind == "f" and not ACCOUNTS.match(path):
            with open(path, "rb") as f:
                digest = hashlib.sha256(f.read()).hexdigest()
        return "\t".join(["file", path, kind, mode, "%d:%d" % (st.st_uid, st.st_gid), str(size), str(mtime), link, digest])

    def tree(self, top, lines):
        for entry in os.scandir(top):
            path = entry.path
            try:
                st = entry.stat(follow_symlinks=False)
                key = (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
                was = self.known.get(path)
                if was is None or was[0] != key:
                    skip = SKIP.match(path) or LIVING.match(path)
                    was = self.known[path] = (key, None if skip else self.line(path, st))
                if was[1] is not None:
                    lines.append(was[1])
                if stat.S_ISDIR(st.st_mode):
                    self.tree(path, lines)
            except FileNotFoundError:
                pass # something that lives is just going

    def accounts(self, lines):
        for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid"):
            with open("/etc/" + name) as f:
                lines += [name + "\t" + line.rstrip("\n") for line in f]

    def databases(self, lines):
        shows = sql("select concat('show grants for ', quote(user), '@', quote(host), ';') from mysql.user"
                    " where user <> '' and is_role = 'N'") + [
            "select 'database', schema_name, default_character_set_name, default_collation_name"
            " from information_schema.schemata;",
            "select 'table', table_schema, table_name from information_schema.tables where table_schema not in"
            " ('information_schema', 'sys', 'performance_schema', 'mysql');",
            "select 'user', user, host, plugin, authentication_string from mysql.user;"]
        found = sql("\n".join(shows))
        lines += ["grant\t" + l if l.startswith("GRANT") else l for l in found]
        names = [l.split("\t")[1] for l in found if l.startswith("database\t") and "_example_" in l]
        if names:
            rc, out = output("mariadb-dump", "--skip-dump-date", "--skip-comments", "--single-transaction", "--databases", *names)
            lines += ["rows\t%d %s" % (rc, l) for l in out.splitlines()]

    def services(self, lines):
        """Which units are enabled is in the links of /etc."""
        rc, out = output("systemctl", "is-active", *UNITS)
        # a unit that is gone may be remembered as failed
        states = dict(zip(UNITS, out.replace("failed", "inactive").split()))
        lines += ["running\t%s\t%s" % us for us in states.items()]
        return states["mariadb"] == "active"

    def packages(self, lines):
        st = os.stat("/var/lib/dpkg/status")
        key = (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
        was = self.known.get("dpkg")
        if was is None or was[0] != key:
            rc, out = output("dpkg-query", "-W", "-f", "package ${Package} ${Version} ${db:Status-Abbrev}\n")
            was = self.known["dpkg"] = (key, [l.rstrip() for l in out.splitlines()])
        lines += was[1]

    def store(self, lines):
        try:
            db = sqlite3.connect("file:/var/lib/citrus/store.db?mode=ro", uri=True)
        except sqlite3.OperationalError:
            return
        for row in db.execute("select kind, id, site, spec, hex(wanted), rank, generation from managed"):
            lines.append("\t".join(str(f) for f in ("managed", *row)))
        for row in db.execute("select number, tx, digest, status from generation"):
            lines.append("\t".join(str(f) for f in ("generation", *row)))
        for row in db.execute("select id, state from tx where state not in ('done', 'undone', 'partial')"):
            lines.append("\t".join(str(f) for f in ("open", *row)))
        db.close()

    def take(self):
        lines = []
        for top in ("/etc", "/var/www", "/var/lib/citrus"):
            self.tree(top, lines)
        self.accounts(lines)
        if self.services(lines):
            self.databases(lines)
        self.packages(lines)
        self.store(lines)
        return sorted(lines)


def outline(lines):
    """What every way to the new state has in common: contents, keys and passwords are made anew each time."""
    out = []
    for line in lines:
        f = line.split("\t")
        if f[0] in ("rows", "generation", "shadow") or (f[0] == "file" and f[1].startswith("/var/lib/citrus/")):
            continue
        if f[0] == "file":
            f[5] = f[6] = f[8] = "-"
        elif f[0] in ("user", "grant"):
            f = f[:2]
            f[1] = re.sub(r"IDENTIFIED BY PASSWORD '[^']*'|\*[0-9A-F]{40}", "-", f[1])
        elif f[0] == "managed":
            f = f[:3]
        out.append("\t".join(f))
    return sorted(set(out))


def differs(then, now):
    then, now = set(then), set(now)
    return ["< " + l for l in sorted(then - now)] + ["> " + l for l in sorted(now - then)]


class Bad(Exception):
    pass


class Sweep:
    def __init__(self, manifest, cache):
        self.manifest = manifest
        self.cache = cache
        self.state = State()
        if cache == "warm": # killed in the bulk of the files that are copied, when all was fetched
            self.apply(die_at=1000)
            if self.citrus("recover"):
                raise Bad("after the first kill recover did not end with 0")

    def fresh(self):
        """With the downloads there or not, but the same each time, or the numbers of the steps would move."""
        subprocess.run(["rm", "-rf", DIR + "/log"] + ["/var/cache/citrus"] * (self.cache == "cold"), check=True)

    def citrus(self, *words, die_at=0):
        env = dict(os.environ, CITRUS_STEPS_LOG=DIR + "/log")
        if die_at:
            env["CITRUS_DIE_AT"] = str(die_at)
        r = subprocess.run(["citrus", *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace")
        self.said = r.stdout
        return r.returncode

    def apply(self, **more):
        return self.citrus("apply", "--yes", "--no-health", self.manifest, **more)

    def plan(self):
        rc = self.citrus("apply", "--plan", "--detailed-exitcode", self.manifest)
        return rc, self.said

    def last_step(self):
        """The last step of the log; its names go to the file of all that was reached."""
        with open(DIR + "/log", errors="replace") as f:
            steps = [l.rstrip("\n").split("\t") for l in f]
        with open(DIR + "/reached", "a") as f:
            f.write("".join(n + "\n" for n in sorted({s[1] for s in steps if s[0] != "0"})))
        return steps[-1]

    def measure(self):
        self.plan() # what it remembers of files it commits once, and the numbers of the steps would move
        self.fresh()
        t = time.monotonic()
        if self.apply():
            raise Bad("the whole apply did not come to an end\n" + self.said)
        t = time.monotonic() - t
        os.rename(DIR + "/log", DIR + "/steps")
        rc, said = self.plan()
        if rc:
            raise Bad("the whole apply leaves something to do\n" + said)
        with open(DIR + "/after", "w") as f:
            f.write("".join(l + "\n" for l in outline(self.state.take())))
        db = sqlite3.connect("file:/var/lib/citrus/store.db?mode=ro", uri=True)
        with open(DIR + "/kinds", "w") as f:
            for row in db.execute("select distinct kind, op from action where tx = (select max(id) from tx)"):
                f.write("%s %s\n" % row)
        print("%.1f" % t)

    def keep(self):
        rc, said = self.plan()
        with open(DIR + "/kept", "w") as f:
            json.dump({"before": self.state.take(), "planned": [rc, said]}, f)

    def look(self, said):
        with open(DIR + "/kept") as f:
            kept = json.load(f)
        self.before, self.planned, self.said, self.after = kept["before"], tuple(kept["planned"]), said, None
        if os.path.exists(DIR + "/after"):
            with open(DIR + "/after") as f:
                self.after = [l.rstrip("\n") for l in f]
        try:
            print(self.judge("power cut"))
        except Bad as e:
            raise Bad("%s\n%s" % (e, self.said))

    def begin(self):
        self.before = self.state.take()
        self.planned = self.plan()
        if self.planned[0] != 2:
            raise Bad("there is nothing to apply\n" + self.said)
        with open(DIR + "/after") as f:
            self.after = [l.rstrip("\n") for l in f]

    def recover(self, n, mode):
        if mode == "twice":
            rc = self.citrus("recover", die_at=n % 37 + 1)
            if rc not in (0, -9):
                raise Bad("recover, to be killed, ended with %d" % rc)
        if mode in ("recover", "twice"):
            rc = self.citrus("recover")
        elif mode == "through":
            rc = self.apply()
        else: # of a site that has nothing to be changed, before nor after
            with open(self.manifest) as f:
                site = "news.example.com" if "news.example.com:" in f.read() else "blog.example.com"
            rc = self.citrus("apply", "--yes", "--no-health", "--site", site, "/etc/citrus/server.yaml")
        if rc:
            raise Bad("%s ended with %d" % (mode, rc))

    def judge(self, mode):
        said = self.said
        now = self.state.take()
        from_old = differs(self.before, now)
        if not from_old and mode != "through":
            if "the new state stands" in said:
                raise Bad("the old state is called new")
            rc, planned = self.plan()
            if (rc, planned) != self.planned:
                self.said = "\n".join(differs(self.planned[1].splitlines(), planned.splitlines()))
                raise Bad("the next plan is another")
            return "old"
        if "old state stands" in said and mode != "through":
            raise Bad("the old state does not stand\n" + "\n".join(from_old[:60]))
        from_new = differs(self.after, outline(now)) if self.after else []
        if from_new:
            raise Bad("neither the old state\n%s\nnor the new\n%s" % ("\n".join(from_old[:40]), "\n".join(from_new[:40])))
        rc, planned = self.plan()
        if rc:
            self.said = planned
            raise Bad("neither the old state\n%s\nnor is the plan empty" % "\n".join(from_old[:40]))
        return "new"

    def point(self, n, mode):
        t = time.monotonic()
        what = side = thing = ""
        try:
            self.fresh()
            rc = self.apply(die_at=n)
            _, what, side, thing = self.last_step()
            if rc != -9:
                raise Bad("it was not killed at its step %d but ended with %d" % (n, rc))
            t_died = time.monotonic()
            self.recover(n, mode)
            t_recovered = time.monotonic()
            self.last_step()
            why, ok = self.judge(mode), "yes"
            times = "%.1f+%.1f+%.1f" % (t_died - t, t_recovered - t_died, time.monotonic() - t_recovered)
        except Bad as e:
            why, ok, times = str(e).split("\n")[0], "no", ""
            print("SWEEP point %d %s: %s\n%s" % (n, mode, e, self.said), file=sys.stderr, flush=True)
        print("\t".join([str(n), mode, what, side, ok, why, "%.1f" % (time.monotonic() - t), times, thing]), flush=True)
        return why == "old"


def main():
    os.makedirs(DIR, exist_ok=True)
    if sys.argv[1] == "snapshot":
        print("\n".join(State().take()))
        return
    what, manifest, more = sys.argv[1:4]
    try:
        sweep = Sweep(manifest, more if what in ("measure", "points") else "")
        if what == "points":
            sweep.begin()
        elif what == "measure":
            sweep.measure()
        elif what == "keep":
            sweep.keep()
        else:
            sweep.look(more)
    except Bad as e:
        print("SWEEP %s" % e, file=sys.stderr)
        sys.exit(1)
    for line in sys.stdin if what == "points" else ():
        n, mode = line.split()
        if not sweep.point(int(n), mode):
            break


main()
