package execute

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
)

// annotationPacked of a Deployment in a cache holds its spec. The API server never sees it.
const annotationPacked = "seamount.dev/packed-spec"

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// PackDeployment is a cache's transform: it leaves a Deployment with its spec packed, 1 KB instead of 12. What is read in
// every pass stays legible; the spec is only looked at when the Deployment, or what is wanted of it, has changed.
func PackDeployment(object any) (any, error) {
	deployment, ok := object.(*appsv1.Deployment)
	if !ok || deployment.Annotations[annotationPacked] != "" {
		return object, nil // also a cache's note of something that is gone
	}
	text, err := deployment.Spec.Marshal()
	if err != nil {
		return nil, fmt.Errorf("pack Deployment %s: %w", deployment.Name, err)
	}
	var packed bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("pack Deployment %s: %w", deployment.Name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack Deployment %s: %w", deployment.Name, err)
	}
	metaSet(deployment, annotationPacked, base64.RawStdEncoding.EncodeToString(packed.Bytes()))
	deployment.ManagedFields, deployment.Spec = nil, appsv1.DeploymentSpec{}
	return deployment, nil
}

// unpackDeployment undoes what PackDeployment did, if it did.
func unpackDeployment(deployment *appsv1.Deployment) error {
	packed := deployment.Annotations[annotationPacked]
	if packed == "" {
		return nil
	}
	text, err := base64.RawStdEncoding.DecodeString(packed)
	if err != nil {
		return fmt.Errorf("unpack Deployment %s: %w", deployment.Name, err)
	}
	text, err = io.ReadAll(flate.NewReader(bytes.NewReader(text)))
	if err != nil {
		return fmt.Errorf("unpack Deployment %s: %w", deployment.Name, err)
	}
	delete(deployment.Annotations, annotationPacked)
	if err := deployment.Spec.Unmarshal(text); err != nil {
		return fmt.Errorf("unpack Deployment %s: %w", deployment.Name, err)
	}
	return nil
}
