// Package volumes provides dynamic volumes: one folder for each claim, and on a
// real node, for who asks for it, a file system of the claim's size on it.
//
// The controller manager's own host-path provisioner will not do: its folders
// are all in one place for the whole machine, closed to other users than root
// (and the kubelet gives hostPath volumes no group), and cannot grow.
package volumes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"localkube/internal/kube"
)

// Provisioner is the name that StorageClasses call it by.
const Provisioner = "localkube/folder"

const (
	claimsPath  = "/api/v1/persistentvolumeclaims"
	volumesPath = "/api/v1/persistentvolumes"
	classesPath = "/apis/storage.k8s.io/v1/storageclasses"

	provisionedBy = "pv.kubernetes.io/provisioned-by"
	selectedNode  = "volume.kubernetes.io/selected-node"

	// sized is the name of the class whose volumes have a size.
	sized = "sized"
)

// Disks makes file systems of a given size.
type Disks interface {
	Make(ctx context.Context, folder, size string) error
	Resize(ctx context.Context, folder, size string) error
	Remove(ctx context.Context, folder string) error
}

// Server creates, grows and removes volumes in the folder Dir.
type Server struct {
	Client *kube.Client
	Dir    string
	// Disks makes the volumes of the class "sized"; nil without a real node.
	Disks Disks
	// Log takes a line for everything that fails.
	Log io.Writer
}

// CreateClasses creates the StorageClasses "standard", the default one,
// "expandable", whose claims may grow, and, with Disks, "sized", whose volumes
// are as large as their claims and may grow too.
func (s *Server) CreateClasses(ctx context.Context) error {
	names := []string{"standard", "expandable"}
	if s.Disks != nil {
		names = append(names, sized)
	}
	for _, name := range names {
		standard := name == "standard"
		object := kube.Object{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
			"metadata": kube.Object{"name": name, "annotations": kube.Object{
				"storageclass.kubernetes.io/is-default-class": fmt.Sprint(standard),
			}},
			"provisioner": Provisioner, "reclaimPolicy": "Delete",
			"volumeBindingMode": "Immediate", "allowVolumeExpansion": !standard,
		}
		if err := s.Client.Create(ctx, classesPath, object); err != nil {
			return fmt.Errorf("cannot create the StorageClass %s: %w", name, err)
		}
	}
	return nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	wake := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, path := range []string{claimsPath, volumesPath, classesPath} {
		go s.watch(ctx, path, wake)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(30 * time.Second):
		}
		if err := s.sync(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintf(s.Log, "%s volumes: %v\n", time.Now().Format(time.RFC3339), err)
			time.AfterFunc(time.Second, wake)
		}
	}
}

// watch wakes the server at every change, and after every cut, in which a
// change may have been missed.
func (s *Server) watch(ctx context.Context, path string, wake func()) {
	for ctx.Err() == nil {
		wake()
		_ = s.Client.Watch(ctx, path+"?watch=true&timeoutSeconds=600", wake)
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// sync looks at everything: a test cluster has few volumes.
func (s *Server) sync(ctx context.Context) error {
	var classes list[class]
	var claims list[claim]
	var volumes list[volume]
	err := errors.Join(s.Client.Get(ctx, classesPath, &classes), s.Client.Get(ctx, claimsPath, &claims),
		s.Client.Get(ctx, volumesPath, &volumes))
	if err != nil {
		return err
	}
	ours := map[string]class{}
	for _, c := range classes.Items {
		if c.Provisioner == Provisioner {
			ours[c.Metadata.Name] = c
		}
	}
	byName := map[string]volume{}
	var failed []error
	for _, v := range volumes.Items {
		byName[v.Metadata.Name] = v
		if v.Metadata.Annotations[provisionedBy] == Provisioner && abandoned(v) {
			failed = append(failed, s.remove(ctx, v))
		}
	}
	for _, c := range claims.Items {
		class, known := ours[c.Spec.Class]
		switch {
		case !known || c.Metadata.Deleted != "":
		case wantsVolume(c, class):
			if _, made := byName[volumeName(c)]; made {
				continue // it is about to be bound
			}
			failed = append(failed, s.provide(ctx, c, class))
		case wantsGrowth(c, class):
			failed = append(failed, s.grow(ctx, c, byName[c.Spec.VolumeName]))
		}
	}
	return errors.Join(failed...)
}

func abandoned(v volume) bool {
	return v.Status.Phase == "Released" && v.Spec.ReclaimPolicy == "Delete" && v.Metadata.Deleted == ""
}

func wantsVolume(c claim, class class) bool {
	if c.Spec.VolumeName != "" || c.Status.Phase != "Pending" || c.Spec.VolumeMode == "Block" {
		return false
	}
	return class.BindingMode != "WaitForFirstConsumer" || c.Metadata.Annotations[selectedNode] != ""
}

func volumeName(c claim) string { return "pvc-" + c.Metadata.UID }

func wantsGrowth(c claim, class class) bool {
	return class.AllowsExpansion && c.Status.Phase == "Bound" &&
		c.Status.Capacity["storage"] != c.Spec.Resources.Requests["storage"]
}

func (s *Server) provide(ctx context.Context, c claim, class class) error {
	name := volumeName(c)
	folder := filepath.Join(s.Dir, c.Metadata.Namespace+"_"+c.Metadata.Name+"_"+name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// Pods run as any user; MkdirAll's mode is cut by the umask.
	if err := os.Chmod(folder, 0o777); err != nil {
		return err
	}
	if class.Metadata.Name == sized {
		// A run that was cut off before the volume was created left its own.
		err := errors.Join(s.Disks.Remove(ctx, folder), s.Disks.Make(ctx, folder, c.Spec.Resources.Requests["storage"]))
		if err != nil {
			return err
		}
	}
	return s.Client.Create(ctx, volumesPath, kube.Object{
		"apiVersion": "v1", "kind": "PersistentVolume",
		"metadata": kube.Object{"name": name, "annotations": kube.Object{provisionedBy: Provisioner}},
		"spec": kube.Object{
			"storageClassName": class.Metadata.Name, "persistentVolumeReclaimPolicy": class.ReclaimPolicy,
			"accessModes": c.Spec.AccessModes,
			"capacity":    kube.Object{"storage": c.Spec.Resources.Requests["storage"]},
			"hostPath":    kube.Object{"path": folder, "type": "Directory"},
			"claimRef": kube.Object{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
				"namespace": c.Metadata.Namespace, "name": c.Metadata.Name, "uid": c.Metadata.UID},
		},
	})
}

// grow gives the claim what it asks for: folders have no size, and a disk is
// there at once.
func (s *Server) grow(ctx context.Context, c claim, v volume) error {
	size := kube.Object{"storage": c.Spec.Resources.Requests["storage"]}
	if v.Spec.Capacity["storage"] != size["storage"] {
		if v.Spec.Class == sized {
			if err := s.Disks.Resize(ctx, v.Spec.HostPath.Path, c.Spec.Resources.Requests["storage"]); err != nil {
				return err
			}
		}
		patch := kube.Object{"spec": kube.Object{"capacity": size}}
		if err := s.Client.Patch(ctx, volumesPath+"/"+v.Metadata.Name, patch); err != nil {
			return err
		}
	}
	path := "/api/v1/namespaces/" + c.Metadata.Namespace + "/persistentvolumeclaims/" + c.Metadata.Name + "/status"
	return s.Client.Patch(ctx, path, kube.Object{"status": kube.Object{"capacity": size, "conditions": nil}})
}

// remove deletes the folder before the object, so that a crash between the
// two leaves something that the next sync sees.
func (s *Server) remove(ctx context.Context, v volume) error {
	if v.Spec.HostPath == nil || !strings.HasPrefix(v.Spec.HostPath.Path, s.Dir+string(filepath.Separator)) {
		return fmt.Errorf("the volume %s lies outside %s and is left alone", v.Metadata.Name, s.Dir)
	}
	if v.Spec.Class == sized {
		if err := s.Disks.Remove(ctx, v.Spec.HostPath.Path); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(v.Spec.HostPath.Path); err != nil {
		return err
	}
	return s.Client.Delete(ctx, volumesPath+"/"+v.Metadata.Name, v.Metadata.UID)
}
