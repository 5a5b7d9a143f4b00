package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Kubernetes is an API server, as the user.
type Kubernetes struct {
	client.WithWatch
	// Namespace of the context, or of --namespace; Named says that it is of --namespace.
	Namespace string
	Named     bool
	// User returns the name by which the API server knows the user.
	User func(context.Context) (string, error)
	// May says whether the user has a verb on the StorageOperations of a namespace.
	May func(ctx context.Context, verb, namespace string) (bool, error)
	// Exec runs a command in a container.
	Exec func(context.Context, Exec) error
}

// Exec is a command in a container of a pod. A command that ends with another exit code than 0 makes an exitError.
type Exec struct {
	Namespace, Pod, Container string
	Command                   []string
	Stdin                     io.Reader
	Stdout, Stderr            io.Writer
}

// scope is the namespace in which objects of Seamount are looked for: all of them, if the user named none.
func (k *Kubernetes) scope() string {
	if k.Named {
		return k.Namespace
	}
	return metav1.NamespaceAll
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	builder := runtime.NewSchemeBuilder(v1alpha1.AddToScheme, corev1.AddToScheme, appsv1.AddToScheme, storagev1.AddToScheme,
		authenticationv1.AddToScheme, authorizationv1.AddToScheme)
	if err := builder.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("know the kinds: %w", err)
	}
	return scheme, nil
}

// newMapper knows the kinds that are read, so that no answer waits for the API server to list all of its own.
func newMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	add := func(scope meta.RESTScope, group schema.GroupVersion, kinds ...string) {
		for _, kind := range kinds {
			mapper.Add(group.WithKind(kind), scope)
		}
	}
	add(meta.RESTScopeNamespace, v1alpha1.SchemeGroupVersion, v1alpha1.KindStorageCluster, v1alpha1.KindStoragePool,
		v1alpha1.KindStorageFilesystem, v1alpha1.KindStorageOperation)
	add(meta.RESTScopeRoot, v1alpha1.SchemeGroupVersion, v1alpha1.KindStorageDisk)
	add(meta.RESTScopeNamespace, corev1.SchemeGroupVersion, "Pod", "PersistentVolumeClaim", "Event", "Secret")
	add(meta.RESTScopeRoot, corev1.SchemeGroupVersion, "Node", "PersistentVolume")
	add(meta.RESTScopeNamespace, appsv1.SchemeGroupVersion, "Deployment")
	mapper.AddSpecific(storagev1.SchemeGroupVersion.WithKind("StorageClass"), storagev1.SchemeGroupVersion.WithResource("storageclasses"),
		storagev1.SchemeGroupVersion.WithResource("storageclass"), meta.RESTScopeRoot)
	add(meta.RESTScopeRoot, storagev1.SchemeGroupVersion, "VolumeAttachment")
	add(meta.RESTScopeRoot, authenticationv1.SchemeGroupVersion, "SelfSubjectReview")
	add(meta.RESTScopeRoot, authorizationv1.SchemeGroupVersion, "SelfSubjectAccessReview")
	return mapper
}

func connect(flags *genericclioptions.ConfigFlags, stderr io.Writer) (*Kubernetes, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("find Kubernetes: %w", err)
	}
	config.WarningHandler = rest.NewWarningWriter(stderr, rest.WarningWriterOptions{Deduplicate: true})
	namespace, _, err := flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, fmt.Errorf("find the namespace: %w", err)
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: newMapper()})
	if err != nil {
		return nil, fmt.Errorf("prepare for Kubernetes: %w", err)
	}
	return &Kubernetes{
		WithWatch: c, Namespace: namespace, Named: *flags.Namespace != "",
		User: func(ctx context.Context) (string, error) { return whoAmI(ctx, c) },
		May:  func(ctx context.Context, verb, namespace string) (bool, error) { return mayI(ctx, c, verb, namespace) },
		Exec: func(ctx context.Context, e Exec) error { return execute(ctx, config, e) },
	}, nil
}

var errNoName = errors.New("the API server gives no user name")

// whoAmI asks the API server for the name of its caller, which is the one that an admission policy sees.
func whoAmI(ctx context.Context, c client.Client) (string, error) {
	var review authenticationv1.SelfSubjectReview
	if err := c.Create(ctx, &review); err != nil {
		return "", fmt.Errorf("ask the API server who you are: %w", err)
	}
	if review.Status.UserInfo.Username == "" {
		return "", errNoName
	}
	return review.Status.UserInfo.Username, nil
}

// mayI asks the API server whether its caller has a verb on the StorageOperations of a namespace.
func mayI(ctx context.Context, c client.Client, verb, namespace string) (bool, error) {
	review := authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: v1alpha1.Group, Resource: "storageoperations",
		},
	}}
	if err := c.Create(ctx, &review); err != nil {
		return false, fmt.Errorf("ask the API server what you may do: %w", err)
	}
	return review.Status.Allowed, nil
}

// kubernetes connects for one command.
func (a *App) kubernetes() (*Kubernetes, error) {
	k, err := a.Connect(a.flags, a.Err)
	if err != nil && strings.Contains(err.Error(), "invalid configuration") {
		return nil, hintedError{err, "name a cluster with --kubeconfig or --context, or set KUBECONFIG"}
	}
	return k, err
}
