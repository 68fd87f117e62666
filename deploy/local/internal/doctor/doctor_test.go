package doctor

import "testing"

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	for version, want := range map[string]bool{
		"go1.26.8": true, "go1.26": true, "go1.30.1": true, "go2.0": true, "go1.27rc1": true,
		"go1.9.7": false, "go1.25.12": false, "none": false, "": false,
	} {
		if atLeast(version, 1, 26) != want {
			t.Errorf("%q", version)
		}
	}
}
