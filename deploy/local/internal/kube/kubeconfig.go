package kube

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// WriteKubeconfig writes a kubeconfig (JSON is YAML) that names ca.crt,
// <user>.crt and <user>.key in the folder pki.
func WriteKubeconfig(path, server, pki, user, cluster string) error {
	config := Object{
		"apiVersion": "v1", "kind": "Config", "current-context": cluster,
		"clusters": []Object{{"name": cluster, "cluster": Object{
			"server": server, "certificate-authority": filepath.Join(pki, "ca.crt"),
		}}},
		"users": []Object{{"name": user, "user": Object{
			"client-certificate": filepath.Join(pki, user+".crt"),
			"client-key":         filepath.Join(pki, user+".key"),
		}}},
		"contexts": []Object{{"name": cluster, "context": Object{"cluster": cluster, "user": user}}},
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
