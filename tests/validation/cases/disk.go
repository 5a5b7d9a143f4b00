package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// disk returns a StorageDisk in service with patches applied to it.
func disk(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: StorageDisk
metadata:
  name: wwn-5000c50093282dee
  labels: {seamount.dev/node: n3, seamount.dev/media: HDD, seamount.dev/cluster: seamount.main, osd.seamount.dev/12: data}
spec: {use: Allowed}
status:
  conditions:
  - {type: Usable, status: "False", reason: InUse, message: holds osd.12, lastTransitionTime: "2026-01-05T10:00:00Z"}
  - {type: Fresh, status: "True", reason: NodeReporting, message: n3 reports, lastTransitionTime: "2026-01-05T10:00:00Z"}
  node: n3
  presence: Present
  identity: {source: WWN, value: 5000c50093282dee}
  device: {name: sdb, path: pci-0000:3b:00.0-sas-phy4}
  hardware: {media: HDD, transport: SAS, model: ST16000NM002G, serial: ZL2ABCDE, firmware: E004, size: "16000900661248", logicalBlockSize: 512}
  content: {kind: BlueStore, detail: BlueStore label of osd.12, bluestore: {fsid: 8b1c, osdID: 12, osdUUID: 5f0e}}
  verdict:
    result: InUse
    reasons: [{reason: InUse, message: holds osd.12 of cluster seamount/main, remedy: "to free it, create a StorageOperation of type Remove"}]
    seal: sha256:1f0c
  claim: {namespace: seamount, name: main, fsid: 8b1c, rule: hdd}
  osds: [{id: 12, role: Data, uuid: 5f0e, size: 16T, deviceClass: hdd, dbDisk: eui-0025385b71b0a1c2}]
  plan: {action: Keep, reason: InService, rule: hdd, message: "osd.12, class hdd"}
  state: InService
  summary: {size: 16 TB, osds: "12", reason: InService}
`, patches...)
}

func diskCases() []Case {
	bare := disk(`status: null`)
	status := func(name string, obj *unstructured.Unstructured, want ...crdtest.Violation) Case {
		return Case{Name: name, Old: bare, New: obj, Status: true, Want: want}
	}
	return []Case{
		accept("a disk", bare),
		accept("a disk without a spec", disk(`{spec: null, status: null}`)),
		acceptChange("a disk is excluded", bare, disk(`{spec: {use: Never}, status: null}`)),
		status("a whole status", disk()),
		status("the DB of several OSDs", disk(`status: {osds: [{id: 12, role: DB}, {id: 13, role: DB}, {id: 13, role: Data}]}`)),
		status("an OSD twice", disk(`status: {osds: [{id: 12, role: DB}, {id: 12, role: DB}]}`),
			crdtest.Violation{Field: "status.osds[1]", Message: `Duplicate value: {"id":12,"role":"DB"}`}),
		status("a reason twice", disk(`status: {verdict: {reasons: [{reason: Mounted, message: a}, {reason: Mounted, message: b}]}}`),
			crdtest.Violation{Field: "status.verdict.reasons[1]", Message: `Duplicate value: {"reason":"Mounted"}`}),
		status("an unknown verdict", disk(`status: {verdict: {result: Fine}}`), crdtest.Violation{
			Field: "status.verdict.result", Message: `supported values: "Usable", "InUse", "Rejected", "Unknown"`}, notChecked),
		status("an unknown state", disk(`status: {state: Broken}`), crdtest.Violation{
			Field: "status.state", Message: `supported values: "Unknown", "Rejected", "Usable", "Excluded", "Planned", ` +
				`"Preparing", "InService", "Down", "Draining", "Drained", "Wiping", "Missing", "Failed"`}, notChecked),
		status("slices are asked for", disk(`status: {request: {id: r1, action: Partition, node: n3, seal: a, table: 8b1c0000-0000-4000-8000-000000000000,
			slices: [{uuid: 8b1c0000-0000-4000-8000-000000000001, osd: 0, role: Data, offset: 1048576, size: 1048576}]}}`)),
		status("slices without a table", disk(`status: {request: {id: r1, action: Partition, node: n3, seal: a}}`), crdtest.Violation{
			Field: "status.request", Message: "Partition needs the table and the slices that the disk is to have"}),
		status("an OSD's disk is to be erased", disk(`status: {request: {id: r1, action: Erase, node: n3, seal: a,
			erase: {mode: Signatures, fsid: 8b1c0000-0000-4000-8000-000000000000, osds: [8b1c0000-0000-4000-8000-000000000001]}}}`)),
		status("any disk is to be erased", disk(`status: {request: {id: r1, action: Erase, node: n3, seal: a, erase: {mode: Full}}}`)),
		status("erasing what is not said", disk(`status: {request: {id: r1, action: Erase, node: n3, seal: a}}`), crdtest.Violation{
			Field: "status.request", Message: "Erase says in erase what may be erased, and no other action has it"}),
		status("erasing nothing", disk(`status: {request: {id: r1, action: Erase, node: n3, seal: a, erase: {mode: None}}}`), crdtest.Violation{
			Field: "status.request.erase", Message: "mode is Signatures or Full: to erase nothing, ask for nothing"}),
		status("OSDs of no cluster", disk(`status: {request: {id: r1, action: Erase, node: n3, seal: a,
			erase: {mode: Full, osds: [8b1c0000-0000-4000-8000-000000000001]}}}`), crdtest.Violation{
			Field: "status.request.erase", Message: "osds goes with the fsid of their cluster"}),
		status("a directory on the node is to go", disk(`status: {request: {id: r1, action: RemoveHostDirectory, node: n3,
			fsid: 8b1c0000-0000-4000-8000-000000000000}}`)),
		status("a directory of nobody", disk(`status: {request: {id: r1, action: RemoveHostDirectory, node: n3}}`), crdtest.Violation{
			Field: "status.request", Message: "RemoveHostDirectory says in fsid whose directory goes, and no other action has it"}),
		status("erasing without a seal", disk(`status: {request: {id: r1, action: Erase, node: n3, erase: {mode: Full}}}`), crdtest.Violation{
			Field: "status.request", Message: "seal is that of the disk that is worked on: RemoveHostDirectory touches no disk, and any other action needs it"}),
		{Name: "an unknown use", New: disk(`{spec: {use: Perhaps}, status: null}`), Want: []crdtest.Violation{
			{Field: "spec.use", Message: `supported values: "Allowed", "Never"`}, notChecked,
		}},
	}
}
