# Writes objects of 1 MiB to a pool of its own until there is a file "end", and reads back what it wrote before: an object that
# does not hold what was acknowledged ends it with an error, and so does a call that fails. It keeps a pace, since what it is to
# show is that nothing is lost, and what it takes of the processors is missing elsewhere. The file "written" tells how many writes
# were acknowledged. It prints their number and the longest time of one in milliseconds.
import hashlib, json, os, sys, time
import rados

pool, size, objects, pause = sys.argv[1], 1 << 20, 40, 0.2


def command(cluster, **fields):
    code, _, said = cluster.mon_command(json.dumps(fields), b"")
    if code != 0:
        sys.exit(f"{fields}: {code}: {said}")


def check(io, name, want):
    if hashlib.sha256(io.read(name, size + 1)).digest() != want:
        sys.exit(f"{name} is not what was written")


def tell(count):
    with open("written.new", "w") as f:
        f.write(str(count))
    os.rename("written.new", "written")


cluster = rados.Rados(name="client.admin", conffile=os.environ["CEPH_CONF"])
cluster.connect()
command(cluster, prefix="osd pool create", pool=pool, pg_num=16, pgp_num=16, pool_type="replicated")
command(cluster, prefix="osd pool application enable", pool=pool, app="rados")
io, sums, count, longest = cluster.open_ioctx(pool), {}, 0, 0
while not os.path.exists("end"):
    name, content = f"o{count % objects}", os.urandom(size)
    count += 1
    began = time.monotonic()
    io.write_full(name, content)
    longest = max(longest, time.monotonic() - began)
    sums[name] = hashlib.sha256(content).digest()
    tell(count)
    before = f"o{count * 7 % objects}"
    if before in sums:
        check(io, before, sums[before])
    time.sleep(pause)
for name, want in sums.items():
    check(io, name, want)
for name in sums:
    io.remove_object(name)
print(count, round(longest * 1000))
