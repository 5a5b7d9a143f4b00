package session

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Watch keeps a Pool as the Secret of a namespace says, and of it reads no other. It runs when the informer does.
func Watch(kubernetes kubernetes.Interface, namespace string, pool *Pool) (cache.SharedIndexInformer, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(kubernetes, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, handover.CSISecretName).String()
		}))
	informer := factory.Core().V1().Secrets().Informer()
	set := func(object any) {
		if secret, is := object.(*corev1.Secret); is {
			pool.Set(namespace, secret.Data)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: set, UpdateFunc: func(_, now any) { set(now) }, DeleteFunc: func(any) { pool.Set(namespace, nil) },
	})
	if err != nil {
		return nil, fmt.Errorf("watch Secret %s/%s: %w", namespace, handover.CSISecretName, err)
	}
	return informer, nil
}
