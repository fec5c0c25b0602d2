// Decodes Kubernetes objects of other people's kinds strictly into the types of those who read them: fields that they do
// not know are errors, and so are kinds that nobody here knows.
//
//	strict < objects.yaml
package main

import (
	"bufio"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	kafka "github.com/RedHatInsights/strimzi-client-go/apis/kafka.strimzi.io/v1beta2"
	certificates "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	mongodb "github.com/mongodb/mongodb-kubernetes-operator/api/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	lws "sigs.k8s.io/lws/api/leaderworkerset/v1"
	"sigs.k8s.io/yaml"
)

var known = map[schema.GroupVersionKind]func() any{
	{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}:          func() any { return &keda.ScaledObject{} },
	{Group: "keda.sh", Version: "v1alpha1", Kind: "TriggerAuthentication"}: func() any { return &keda.TriggerAuthentication{} },
	{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}:         func() any { return &certificates.Certificate{} },
	{Group: "cert-manager.io", Version: "v1", Kind: "Issuer"}:              func() any { return &certificates.Issuer{} },
	// What we use of Strimzi's v1 has the fields of v1beta2, whose Go types are the newest there are.
	{Group: "kafka.strimzi.io", Version: "v1", Kind: "Kafka"}:                        func() any { return &kafka.Kafka{} },
	{Group: "kafka.strimzi.io", Version: "v1", Kind: "KafkaNodePool"}:                func() any { return &kafka.KafkaNodePool{} },
	{Group: "kafka.strimzi.io", Version: "v1", Kind: "KafkaTopic"}:                   func() any { return &kafka.KafkaTopic{} },
	{Group: "kafka.strimzi.io", Version: "v1", Kind: "KafkaUser"}:                    func() any { return &kafka.KafkaUser{} },
	{Group: "leaderworkerset.x-k8s.io", Version: "v1", Kind: "LeaderWorkerSet"}:      func() any { return &lws.LeaderWorkerSet{} },
	{Group: "mongodbcommunity.mongodb.com", Version: "v1", Kind: "MongoDBCommunity"}: func() any { return &mongodb.MongoDBCommunity{} },
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"}:              func() any { return &monitoring.PodMonitor{} },
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"}:          func() any { return &monitoring.PrometheusRule{} },
}

func main() {
	problems, err := check(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func check(from io.Reader) ([]error, error) {
	var problems []error
	documents := utilyaml.NewYAMLReader(bufio.NewReader(from))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return problems, nil
		}
		if err != nil {
			return nil, err
		}
		if err := decode(document); err != nil {
			problems = append(problems, err)
		}
	}
}

type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
}

func decode(document []byte) error {
	var head object
	if err := yaml.Unmarshal(document, &head); err != nil {
		return err
	}
	group, err := schema.ParseGroupVersion(head.APIVersion)
	if err != nil {
		return err
	}
	empty, ok := known[group.WithKind(head.Kind)]
	if !ok {
		return fmt.Errorf("%s %s: nothing here knows %s", head.Kind, head.Metadata.Name, head.APIVersion)
	}
	if err := decodeStrictly(document, empty()); err != nil {
		return fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
	}
	return nil
}

// As the API server does: the case of names counts, which it does not for encoding/json.
func decodeStrictly(document []byte, into any) error {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(asJSON, into)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return err
	}
	return lost(asJSON, into)
}

// Types that decode themselves are not strict, so what was read is written again: a field that is gone was unknown to them.
func lost(asJSON []byte, decoded any) error {
	again, err := stdjson.Marshal(decoded)
	if err != nil {
		return err
	}
	var before, after any
	if err := errors.Join(stdjson.Unmarshal(asJSON, &before), stdjson.Unmarshal(again, &after)); err != nil {
		return err
	}
	return errors.Join(missing("", before, after)...)
}

func missing(path string, before, after any) []error {
	var found []error
	switch before := before.(type) {
	case map[string]any:
		after, _ := after.(map[string]any)
		for name, value := range before {
			kept, ok := after[name]
			if !ok && !isZero(value) {
				found = append(found, fmt.Errorf("unknown field %q", path+"."+name))
			} else if ok {
				found = append(found, missing(path+"."+name, value, kept)...)
			}
		}
	case []any:
		after, _ := after.([]any)
		for index, value := range before {
			if index < len(after) {
				found = append(found, missing(fmt.Sprintf("%s[%d]", path, index), value, after[index])...)
			}
		}
	}
	return found
}

// A value that is left out when it is written may be one that says nothing.
func isZero(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case float64:
		return value == 0
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}
