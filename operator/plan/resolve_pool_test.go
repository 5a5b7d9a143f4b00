package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func rackCluster() Cluster {
	return Cluster{FailureDomain: v1alpha1.FailureDomainRack}
}

func copies(replicas int32) v1alpha1.PoolLayout {
	return v1alpha1.PoolLayout{Replicated: &v1alpha1.ReplicatedLayout{Replicas: replicas}}
}

func chunks(data, coding int32) v1alpha1.PoolLayout {
	return v1alpha1.PoolLayout{ErasureCoded: &v1alpha1.ErasureCodedLayout{DataChunks: data, CodingChunks: coding}}
}

func TestResolvePool(t *testing.T) {
	t.Parallel()
	rack, none := v1alpha1.FailureDomainRack, v1alpha1.CompressionNone
	onHosts := chunks(4, 2)
	onHosts.FailureDomain, onHosts.DeviceClass, onHosts.Compression = v1alpha1.FailureDomainHost, "hdd", v1alpha1.CompressionForce
	for name, test := range map[string]struct {
		spec         v1alpha1.StoragePoolSpec
		want         Pool
		wantDomains  int32
		wantDefaults v1alpha1.PoolDefaults
	}{
		"copies": {
			spec:         v1alpha1.StoragePoolSpec{PoolLayout: copies(3)},
			want:         Pool{Layout: Layout{Replicas: 3, FailureDomain: rack, Compression: none}},
			wantDomains:  3,
			wantDefaults: v1alpha1.PoolDefaults{FailureDomain: rack, Compression: none},
		},
		"chunks: headers survive what the chunks survive": {
			spec: v1alpha1.StoragePoolSpec{PoolLayout: onHosts},
			want: Pool{
				Layout: Layout{DataChunks: 4, CodingChunks: 2, FailureDomain: v1alpha1.FailureDomainHost, DeviceClass: "hdd",
					Compression: v1alpha1.CompressionForce},
				ImageMetadata: &Layout{Replicas: 3, FailureDomain: v1alpha1.FailureDomainHost, DeviceClass: "hdd", Compression: none},
			},
			wantDomains: 6,
			wantDefaults: v1alpha1.PoolDefaults{FailureDomain: v1alpha1.FailureDomainHost,
				Compression: v1alpha1.CompressionForce, ImageMetadataReplicas: 3},
		},
		"many coding chunks: as many headers as a pool can have": {
			spec: v1alpha1.StoragePoolSpec{PoolLayout: chunks(2, 12)},
			want: Pool{
				Layout:        Layout{DataChunks: 2, CodingChunks: 12, FailureDomain: rack, Compression: none},
				ImageMetadata: &Layout{Replicas: 9, FailureDomain: rack, Compression: none},
			},
			wantDomains:  14,
			wantDefaults: v1alpha1.PoolDefaults{FailureDomain: rack, Compression: none, ImageMetadataReplicas: 9},
		},
		"headers as said": {
			spec: v1alpha1.StoragePoolSpec{PoolLayout: chunks(2, 2),
				ImageMetadata: &v1alpha1.ImageMetadataLayout{Replicas: 4, DeviceClass: "nvme"}},
			want: Pool{
				Layout:        Layout{DataChunks: 2, CodingChunks: 2, FailureDomain: rack, Compression: none},
				ImageMetadata: &Layout{Replicas: 4, FailureDomain: rack, DeviceClass: "nvme", Compression: none},
			},
			wantDomains:  4,
			wantDefaults: v1alpha1.PoolDefaults{FailureDomain: rack, Compression: none, ImageMetadataReplicas: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ResolvePool(&test.spec, rackCluster())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.wantDefaults, got.Defaults()); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
			if got.Layout.Domains() != test.wantDomains {
				t.Errorf("needs %d failure domains, want %d", got.Layout.Domains(), test.wantDomains)
			}
		})
	}
}

func TestResolvePoolQuotaAndClasses(t *testing.T) {
	t.Parallel()
	got := ResolvePool(&v1alpha1.StoragePoolSpec{
		ClusterRef:    v1alpha1.ClusterReference{Name: "main"},
		PoolLayout:    copies(3),
		Quota:         &v1alpha1.PoolQuota{Bytes: new(resource.MustParse("50Ti")), Objects: 1000},
		TargetPercent: 40,
		StorageClasses: []v1alpha1.PoolStorageClass{{Name: "a"}, {
			Name: "b", FSType: v1alpha1.FSTypeEXT4, Mapper: v1alpha1.MapperKRBD,
			StorageClassSettings: v1alpha1.StorageClassSettings{
				ClusterDefault: v1alpha1.ClusterDefaultEnabled, ReclaimPolicy: v1alpha1.ReclaimRetain,
			},
		}},
	}, rackCluster())
	want := []PoolStorageClass{
		{Name: "a", ClusterDefault: v1alpha1.ClusterDefaultDisabled, ReclaimPolicy: v1alpha1.ReclaimDelete,
			FSType: v1alpha1.FSTypeXFS, Mapper: v1alpha1.MapperAuto},
		{Name: "b", ClusterDefault: v1alpha1.ClusterDefaultEnabled, ReclaimPolicy: v1alpha1.ReclaimRetain,
			FSType: v1alpha1.FSTypeEXT4, Mapper: v1alpha1.MapperKRBD},
	}
	if diff := cmp.Diff(want, got.StorageClasses); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Cluster != "main" || got.QuotaBytes != 50<<40 || got.QuotaObjects != 1000 || got.TargetPercent != 40 {
		t.Errorf("cluster %s, quota %d bytes and %d objects, target %d percent",
			got.Cluster, got.QuotaBytes, got.QuotaObjects, got.TargetPercent)
	}
}

func TestResolveFilesystem(t *testing.T) {
	t.Parallel()
	rack, none := v1alpha1.FailureDomainRack, v1alpha1.CompressionNone
	got := ResolveFilesystem(&v1alpha1.StorageFilesystemSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "main"},
		DataPools: []v1alpha1.FilesystemDataPool{
			{Name: "default", PoolLayout: copies(3)}, {Name: "archive", PoolLayout: chunks(4, 2)},
		},
		StorageClasses: []v1alpha1.FilesystemStorageClass{{Name: "a"}, {Name: "b", DataPool: "archive", Mounter: v1alpha1.MounterFUSE}},
	}, rackCluster())
	want := Filesystem{
		Cluster:      "main",
		MetadataPool: Layout{Replicas: 3, FailureDomain: rack, Compression: none},
		DataPools: []DataPool{
			{Name: "default", Layout: Layout{Replicas: 3, FailureDomain: rack, Compression: none}},
			{Name: "archive", Layout: Layout{DataChunks: 4, CodingChunks: 2, FailureDomain: rack, Compression: none}},
		},
		MDS: MDS{Active: 1, Standby: v1alpha1.StandbyReplay},
		StorageClasses: []FilesystemStorageClass{
			{Name: "a", ClusterDefault: v1alpha1.ClusterDefaultDisabled, ReclaimPolicy: v1alpha1.ReclaimDelete,
				DataPool: "default", Mounter: v1alpha1.MounterAuto},
			{Name: "b", ClusterDefault: v1alpha1.ClusterDefaultDisabled, ReclaimPolicy: v1alpha1.ReclaimDelete,
				DataPool: "archive", Mounter: v1alpha1.MounterFUSE},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	shown := v1alpha1.FilesystemDefaults{MetadataReplicas: 3, ActiveMDS: 1, StandbyMDS: v1alpha1.StandbyReplay}
	if diff := cmp.Diff(shown, got.Defaults()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}
