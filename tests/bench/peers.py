#!/usr/bin/python3
"""The workload as CFEngine, Puppet and Ansible would keep it.

    peers.py TREE SITES DIR

TREE is an offline root that citrus wrote for SITES sites of workload.sh. What belongs to its first site (paths with
its domain or its user's name in them) is cut into templates with these two as their holes, what belongs to the server is
copied. DIR/cfengine, DIR/puppet and DIR/ansible get a policy for all sites each, a tree `root` of their own, and `run`,
which applies it once. All own their files as www-data, for the sites' users are known in TREE alone; packages, which
citrus does not look at in an offline root, are left out. Each is written as its people write for speed: one bundle or
define a site with the paths named, no package module, no backups; facts are gathered where it cannot be helped (Puppet).
"""
import json
import os
import stat
import sys

TREE, SITES, OUT = sys.argv[1], int(sys.argv[2]), sys.argv[3]
FIRST = "site00000.example.com"
SERVER = ("etc/nginx", "etc/php", "etc/mysql")


def user_of(domain):
    """Who owns what only the site may write."""
    uid = os.stat(f"{TREE}/var/www/{domain}/tmp").st_uid
    with open(f"{TREE}/etc/passwd") as f:
        return next(line.split(":")[0] for line in f if line.split(":")[2] == str(uid))


def walk(top):
    for directory, names, files in os.walk(f"{TREE}/{top}"):
        for name in sorted(names) + sorted(files):
            yield os.path.relpath(f"{directory}/{name}", TREE)


def kind(path):
    mode = os.lstat(f"{TREE}/{path}").st_mode
    return "link" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "file"


def mode_of(path):
    return "%04o" % (os.lstat(f"{TREE}/{path}").st_mode & 0o7777)


def text(path):
    with open(f"{TREE}/{path}") as f:
        return f.read()


def put(path, content, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(content)
    os.chmod(path, mode)


def holes(words, form):
    return words.replace(FIRST, form % "domain").replace(USER, form % "user")


USER = user_of(FIRST)
DATA = [{"domain": d, "user": user_of(d)} for d in (f"site{i:05d}.example.com" for i in range(SITES))]
OTHERS = tuple(x for s in DATA[1:] for x in s.values())
SITE = [p for top in ("etc", "var/www") for p in sorted(walk(top)) if FIRST in p or USER in p]
SITE = [p for p in SITE if kind(p) != "file" or not p.startswith("etc/citrus")]
STATIC = [p for top in SERVER for p in walk(top) if kind(p) != "directory" and p not in SITE and not any(o in p for o in OTHERS)]
DIRECTORIES = sorted({"/".join(p.split("/")[:k]) for p in SITE + STATIC for k in range(1, p.count("/") + 1) if p.split("/")[0] in ("etc", "var")} - set(SITE))
DIRECTORIES = [d for d in DIRECTORIES if FIRST not in d]
for path in SITE:
    assert kind(path) != "file" or not any(mark in text(path) for mark in ("{{", "{%", "{#", "<%")), path


def template_name(path):
    return path.replace("/", "_").replace(FIRST, "site").replace(USER, "user")


def prepare(name):
    directory = f"{OUT}/{name}"
    os.makedirs(f"{directory}/root", exist_ok=True)
    os.chmod(directory, 0o700)
    return directory


def cfengine():
    at = prepare("cfengine")
    for path in SITE + STATIC:
        if kind(path) == "file":
            put(f"{at}/inputs/t/{template_name(path)}", holes(text(path), "{{{%s}}}") if path in SITE else text(path))
    put(f"{at}/inputs/sites.json", json.dumps({s["domain"]: s for s in DATA}))
    server = [f'    "$(g.root)/{d}/." create => "true", perms => m("0755");' for d in DIRECTORIES]
    for path in STATIC:
        if kind(path) == "link":
            server.append(f'    "$(g.root)/{path}" link_from => ln_s("{os.readlink(f"{TREE}/{path}")}");')
        else:
            server.append(f'    "$(g.root)/{path}" perms => m("{mode_of(path)}"), copy_from => local_dcp("$(this.promise_dirname)/t/{template_name(path)}");')
    site = []
    for path in SITE:
        name = "$(g.root)/" + path.replace(FIRST, "$(domain)").replace(USER, "$(s[user])")
        perms = f'perms => mog("{mode_of(path)}", "www-data", "www-data")'
        if kind(path) == "directory":
            site.append(f'    "{name}/." create => "true", {perms};')
        elif kind(path) == "link":
            site.append(f'    "{name}" link_from => ln_s("{holes(os.readlink(f"{TREE}/{path}"), "$(s[%s])")}"), classes => if_repaired("reload");')
        else:
            site.append(f'    "{name}" create => "true", {perms}, template_method => "mustache", edit_defaults => no_backup,\n'
                        f'      edit_template => "$(this.promise_dirname)/t/{template_name(path)}", template_data => @(s), classes => if_repaired("reload");')
    put(f"{at}/inputs/promises.cf", "\n".join([
        'body common control {', '  bundlesequence => { "server", "sites" };', '  inputs => { "$(sys.libdir)/stdlib.cf" };', '}',
        'body agent control {', '  max_children => "1";', '}',
        'bundle common g {', '  vars:', f'    "root" string => "{at}/root";', '}',
        'bundle agent server {', '  files:', *server, '}',
        'bundle agent sites {', '  vars:', '    "data" data => readjson("$(this.promise_dirname)/sites.json", "100M");',
        '    "d" slist => getindices("data");', '  methods:', '    "$(d)" usebundle => site("$(d)");',
        '  commands:', '    reload::', '      "/bin/true";', '}',
        'bundle agent site(domain) {', '  vars:', '    "s" data => mergedata("sites.data[$(domain)]");', '  files:', *site, '}', '']))
    for directory in ("state", "outputs", "ppkeys", "bin", "modules"):
        os.makedirs(f"{at}/{directory}", exist_ok=True)
        os.chmod(f"{at}/{directory}", 0o700)
    os.makedirs(f"{at}/inputs/lib", exist_ok=True)
    library = "/usr/share/cfengine3/masterfiles/lib"
    for name in os.listdir(library) if os.path.isdir(library) else []:
        if name.endswith(".cf"):
            with open(f"{library}/{name}") as f:
                put(f"{at}/inputs/lib/{name}", f.read())
    if not os.path.exists(f"{at}/bin/cf-promises"):
        os.symlink("/usr/bin/cf-promises", f"{at}/bin/cf-promises")
    # without -K a second run within a minute does nothing
    put(f"{at}/run", f"#!/bin/sh\nexport LC_ALL=C.UTF-8 CFENGINE_TEST_OVERRIDE_WORKDIR={at}\nexec cf-agent -K -f {at}/inputs/promises.cf\n", 0o700)


def puppet():
    at = prepare("puppet")
    module = f"{at}/modules/bench"
    def resource(path, name, target, content, owner):
        yield f'  file {{ "{name}":'
        yield f"    ensure => {kind(path)},"
        if kind(path) == "link":
            yield f'    target => "{target}",'
        else:
            yield f"    mode => '{mode_of(path)}',"
            if owner:
                yield "    owner => 'www-data', group => 'www-data',"
            if kind(path) == "file":
                yield f"    {content},"
        yield "    notify => Exec['reload']," if owner and kind(path) != "directory" else ""
        yield "  }"
    server, site = [], []
    for directory in DIRECTORIES:
        server.append(f'  file {{ "${{root}}/{directory}": ensure => directory, mode => \'0755\' }}')
    for path in STATIC:
        if kind(path) == "file":
            put(f"{module}/files/{template_name(path)}", text(path), 0o644)
        target = os.readlink(f"{TREE}/{path}") if kind(path) == "link" else None
        server += resource(path, "${root}/" + path, target, f"source => 'puppet:///modules/bench/{template_name(path)}'", False)
    for path in SITE:
        if kind(path) == "file":
            put(f"{module}/templates/{template_name(path)}.epp", holes(text(path), "<%%= $%s %%>"), 0o644)
        target = holes(os.readlink(f"{TREE}/{path}"), "${%s}") if kind(path) == "link" else None
        site += resource(path, "${root}/" + path.replace(FIRST, "${domain}").replace(USER, "${user}"), target,
                         f"content => epp('bench/{template_name(path)}.epp', {{'domain' => $domain, 'user' => $user}})", True)
    put(f"{module}/manifests/site.pp", "define bench::site(String $root, String $user, String $domain = $title) {\n" + "\n".join(site) + "\n}\n", 0o644)
    put(f"{module}/manifests/server.pp", "class bench::server(String $root) {\n  exec { 'reload': command => '/bin/true', refreshonly => true }\n" + "\n".join(server) + "\n}\n", 0o644)
    calls = [f"class {{ 'bench::server': root => '{at}/root' }}"]
    calls += [f"bench::site {{ '{s['domain']}': root => '{at}/root', user => '{s['user']}' }}" for s in DATA]
    put(f"{at}/site.pp", "\n".join(calls) + "\n")
    put(f"{at}/run", f"#!/bin/sh\nexport LC_ALL=C.UTF-8 HOME={at}\nexec puppet apply --confdir {at}/conf --vardir {at}/var --codedir {at}/code"
        f" --modulepath {at}/modules {at}/site.pp\n", 0o700)


def ansible():
    at = prepare("ansible")
    tasks = []
    def task(name, module, arguments, loop):
        tasks.append(json.dumps({"name": name, module: arguments, **({"loop": "{{ sites }}", "loop_control": {"label": "{{ item.domain }}"}} if loop else {})}))
    root = f"{at}/root/"
    for directory in DIRECTORIES:
        task(directory, "ansible.builtin.file", {"path": root + directory, "state": "directory", "mode": "0755"}, False)
    owner = {"owner": "www-data", "group": "www-data"}
    for path in STATIC + SITE:
        loop = path in SITE
        name = root + (holes(path, "{{ item.%s }}") if loop else path)
        more = {**(owner if loop else {}), "mode": mode_of(path)}
        if kind(path) == "link":
            target = os.readlink(f"{TREE}/{path}")
            task(path, "ansible.builtin.file", {"path": name, "src": holes(target, "{{ item.%s }}") if loop else target, "state": "link", "force": True, "follow": False}, loop)
        elif kind(path) == "directory":
            task(path, "ansible.builtin.file", {"path": name, "state": "directory", **more}, loop)
        elif loop:
            put(f"{at}/templates/{template_name(path)}.j2", holes(text(path), "{{ item.%s }}"))
            task(path, "ansible.builtin.template", {"src": f"{template_name(path)}.j2", "dest": name, **more}, loop)
        else:
            put(f"{at}/files/{template_name(path)}", text(path))
            task(path, "ansible.builtin.copy", {"src": template_name(path), "dest": name, **more}, loop)
    put(f"{at}/play.yml", "- hosts: localhost\n  connection: local\n  gather_facts: false\n  vars_files: [sites.json]\n  tasks:\n" + "".join(f"    - {t}\n" for t in tasks))
    put(f"{at}/sites.json", json.dumps({"sites": DATA}))
    put(f"{at}/run", f"#!/bin/sh\ncd {at} || exit\nexport LC_ALL=C.UTF-8 HOME={at} ANSIBLE_HOME={at}/home ANSIBLE_NOCOWS=1 ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_PIPELINING=1\n"
        "exec ansible-playbook -i localhost, -c local -e ansible_python_interpreter=/usr/bin/python3 play.yml\n", 0o700)


cfengine()
puppet()
ansible()
print(f"{len(SITE)} paths a site, {len(STATIC) + len(DIRECTORIES)} of the server")
