// Command oldest-kubernetes reads a CustomResourceDefinition as JSON from its standard input and has it checked by the
// code of the oldest Kubernetes that the operator supports. It prints what that Kubernetes would complain about, one
// line each: libraries of CEL that came later, rules that it takes for too expensive, and anything else.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var definition v1.CustomResourceDefinition
	if err := json.NewDecoder(os.Stdin).Decode(&definition); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := v1.AddToScheme(scheme); err != nil {
		return err
	}
	scheme.Default(&definition)
	// What the API server fills in before it validates.
	definition.Status.StoredVersions = []string{definition.Spec.Versions[0].Name}
	var internal apiextensions.CustomResourceDefinition
	if err := v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&definition, &internal, nil); err != nil {
		return err
	}
	for _, problem := range validation.ValidateCustomResourceDefinition(context.Background(), &internal) {
		fmt.Println(problem)
	}
	return nil
}
