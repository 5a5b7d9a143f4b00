# Follows a Ceph cluster and prints its state, one JSON object a line, whenever it changes. The first line of standard
# input says where it is and with which key to ask.
import json, select, sys
import rados

where = json.loads(sys.stdin.readline())
conf = dict(mon_host=where["monHost"], fsid=where["fsid"], key=where["key"], admin_socket="", log_to_file="false",
            client_mount_timeout="15", ms_connection_ready_timeout="4", mon_client_hunt_interval="1",
            mon_client_hunt_interval_backoff="1", ms_initial_backoff="0.1", ms_max_backoff="1", rados_mon_op_timeout="3")


def connect():
    while True:
        cluster = rados.Rados(name="client.admin", conf=conf)
        try:
            cluster.connect(15)
            return cluster
        except rados.Error:
            cluster.shutdown()


def ask(cluster):
    code, out, _ = cluster.mon_command(json.dumps(dict(prefix="status", format="json")), b"", timeout=3)
    if code != 0:
        return dict(silent=True)
    s = json.loads(out)
    health, osds, pgs, mgrs = s["health"], s["osdmap"], s["pgmap"], s["mgrmap"]
    states = {p["state_name"]: p["count"] for p in pgs.get("pgs_by_state", [])}
    return dict(quorum=s["quorum_names"], health=health["status"], checks=sorted(health["checks"]),
                mutes=[m["code"] for m in health.get("mutes", [])],
                osds=osds["num_osds"], up=osds["num_up_osds"], **{"in": osds["num_in_osds"]},
                mgr=mgrs["available"], standbys=mgrs.get("num_standbys", 0), pgs=pgs.get("num_pgs", 0), states=states)


last, cluster = None, connect()
while True:
    try:
        state = ask(cluster)
    except rados.Error:
        state = dict(silent=True)
    if state != last:
        print(json.dumps(state), flush=True)
        last = state
    # It ends with standard input: nobody reads on then.
    if select.select([sys.stdin], [], [], 0.1)[0] and not sys.stdin.readline():
        break
