package policytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

// Admission decides on requests. It is safe for concurrent use.
type Admission struct {
	plugin     *validating.Plugin
	interfaces admission.ObjectInterfaces
}

// New returns an admission with the manifests in force, until ctx is done. namespaces exist, beside those that policies
// do not look at.
func New(ctx context.Context, manifests *Manifests, namespaces ...string) (*Admission, error) {
	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		return nil, err
	}
	objects := manifests.objects()
	for _, name := range namespaces {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	scheme := runtime.NewScheme()
	plugin.SetExternalKubeClientSet(client)
	plugin.SetExternalKubeInformerFactory(factory)
	plugin.SetDynamicClient(dynamicfake.NewSimpleDynamicClient(scheme))
	plugin.SetRESTMapper(meta.NewDefaultRESTMapper(nil))
	plugin.SetUnconditionalAuthorizer(askUser{})
	plugin.SetDrainedNotification(ctx.Done())
	if err := plugin.ValidateInitialization(); err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	if !plugin.WaitForReady() {
		return nil, errors.New("the policies were not compiled in time")
	}
	return &Admission{plugin: plugin, interfaces: admission.NewObjectInterfacesFromScheme(scheme)}, nil
}

// Denial is why a policy denies a request.
type Denial struct {
	// Policy that denies it.
	Policy string
	// Message of the policy's rule.
	Message string
}

// Decide returns why a request is denied: the first reason of the API server's answer; nil when it is admitted. An error
// is one that no policy gave.
func (a *Admission) Decide(ctx context.Context, request Request) (*Denial, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := a.plugin.Validate(ctx, request.attributes(), a.interfaces)
	if err == nil {
		return nil, nil
	}
	return parseDenial(err)
}

// parseDenial reads the text of the API server:
// ValidatingAdmissionPolicy 'name' with binding 'name' denied request: message.
func parseDenial(err error) (*Denial, error) {
	_, text, found := strings.Cut(err.Error(), "ValidatingAdmissionPolicy '")
	policy, text, named := strings.Cut(text, "' with binding '")
	_, message, said := strings.Cut(text, "' denied request: ")
	if !found || !named || !said {
		return nil, fmt.Errorf("no policy denied the request: %w", err)
	}
	return &Denial{Policy: policy, Message: message}, nil
}

// askUser is an authorizer that allows what the user who asks says it is allowed.
type askUser struct{}

// Authorize implements authorizer.UnconditionalAuthorizer.
func (askUser) Authorize(_ context.Context, asked authorizer.Attributes) (authorizer.Decision, string, error) {
	info, ok := asked.GetUser().(*userInfo)
	if !ok {
		return authorizer.DecisionDeny, "", fmt.Errorf("who is %s?", asked.GetUser().GetName())
	}
	question := Permission{
		Verb: asked.GetVerb(), Group: asked.GetAPIGroup(), Resource: asked.GetResource(),
		Namespace: asked.GetNamespace(), Name: asked.GetName(),
	}
	if slices.ContainsFunc(info.permissions, question.within) {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}
