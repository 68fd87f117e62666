package volumes

type metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	UID         string            `json:"uid"`
	Annotations map[string]string `json:"annotations"`
	Deleted     string            `json:"deletionTimestamp"`
}

type list[T any] struct {
	Items []T `json:"items"`
}

type class struct {
	Metadata        metadata `json:"metadata"`
	Provisioner     string   `json:"provisioner"`
	ReclaimPolicy   string   `json:"reclaimPolicy"`
	BindingMode     string   `json:"volumeBindingMode"`
	AllowsExpansion bool     `json:"allowVolumeExpansion"`
}

type claim struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		Class       string   `json:"storageClassName"`
		VolumeName  string   `json:"volumeName"`
		VolumeMode  string   `json:"volumeMode"`
		AccessModes []string `json:"accessModes"`
		Resources   struct {
			Requests map[string]string `json:"requests"`
		} `json:"resources"`
	} `json:"spec"`
	Status struct {
		Phase    string            `json:"phase"`
		Capacity map[string]string `json:"capacity"`
	} `json:"status"`
}

type volume struct {
	Metadata metadata `json:"metadata"`
	Spec     struct {
		Class         string `json:"storageClassName"`
		ReclaimPolicy string `json:"persistentVolumeReclaimPolicy"`
		HostPath      *struct {
			Path string `json:"path"`
		} `json:"hostPath"`
		Capacity map[string]string `json:"capacity"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}
