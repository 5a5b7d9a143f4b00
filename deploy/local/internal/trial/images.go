package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the definitions of images that a trial needs.
const (
	imageCeph     = "ceph-20"
	imageWorkload = "workload"
	imageSeamount = "seamount"
	imageNode     = "seamount-node"
)

// programs of ours that are in the images.
var programs = []string{"seamount", "seamount-node", "seamount-block"}

// Images are the names that images have in the cluster, by the name of their definition.
type Images map[string]string

// Packages installs what Seamount is compiled with.
func (c Checkout) Packages(ctx context.Context) error {
	return c.do(ctx, titlePackages, "packages", filepath.Join("tools", "packages.sh"), "build")
}

// BuildUpstream builds the images that have no program of ours. It needs a network more than a processor.
func (c Checkout) BuildUpstream(ctx context.Context) error {
	if err := c.do(ctx, titleBuilder, "builder", "make", "bin/seamount-images"); err != nil {
		return err
	}
	return c.build(ctx, titleUpstream, "images-upstream", imageCeph, imageWorkload)
}

// BuildOwn compiles our programs and builds their images. BuildUpstream has to be done.
func (c Checkout) BuildOwn(ctx context.Context) error {
	argv := []string{"make", "CGO_ENABLED=1", "bin/" + helm, "bin/kubectl-seamount"} // the operator talks to Ceph by its libraries
	for _, program := range programs {
		argv = append(argv, "bin/"+program)
	}
	if err := c.do(ctx, titlePrograms, "programs", argv...); err != nil {
		return err
	}
	return c.build(ctx, titleOwn, "images-own", imageSeamount, imageNode)
}

// build builds images with tags that follow from their content: after a change the names in the manifests are others, and Kubernetes
// replaces the pods.
func (c Checkout) build(ctx context.Context, title, log string, names ...string) error {
	return c.do(ctx, title, log, append([]string{
		filepath.Join("bin", "seamount-images"), "build", "--cache", c.images(), "--image-version", "content",
	}, names...)...)
}

// Built reads which images there are: their names, and the archives to load.
func (c Checkout) Built() (Images, []string, error) {
	index := filepath.Join(c.images(), "index.json")
	data, err := os.ReadFile(index)
	if err != nil {
		return nil, nil, fmt.Errorf("read which images were built: %w", err)
	}
	images, archives, err := parseIndex(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", index, err)
	}
	return images, archives, nil
}

func parseIndex(data []byte) (Images, []string, error) {
	var list []struct {
		Name, Archive string
		Names         []string // the most exact first
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, nil, fmt.Errorf("damaged, delete it: %w", err)
	}
	images, archive := Images{}, map[string]string{}
	for _, i := range list {
		if len(i.Names) > 0 && i.Archive != "" {
			images[i.Name], archive[i.Name] = i.Names[0], i.Archive
		}
	}
	var archives []string
	for _, name := range []string{imageNode, imageSeamount, imageCeph, imageWorkload} {
		if images[name] == "" {
			return nil, nil, fmt.Errorf("the image %s is not in it: run `make up` again", name)
		}
		archives = append(archives, archive[name])
	}
	return images, archives, nil
}
