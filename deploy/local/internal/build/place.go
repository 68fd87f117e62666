package build

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Place says where sources are and results go.
type Place struct {
	// Source is the folder deploy/local of a checkout.
	Source string
	// Cache is the folder that holds <component>-<key>.
	Cache string
}

// FindPlace finds the sources and the cache from the environment.
func FindPlace() (Place, error) {
	cache, err := CacheDir()
	if err != nil {
		return Place{}, err
	}
	source, err := sourceDir()
	if err != nil {
		return Place{}, err
	}
	return Place{Source: source, Cache: cache}, nil
}

// CacheDir is $LOCALKUBE_CACHE or else a folder in the user's cache.
func CacheDir() (string, error) {
	if dir := os.Getenv("LOCALKUBE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache: %w; set LOCALKUBE_CACHE", err)
	}
	return filepath.Join(base, "rustfs-operator", "localkube"), nil
}

// sourceDir looks in $LOCALKUBE_SOURCE, in the checkout around the working
// directory, and where this program itself was compiled.
func sourceDir() (string, error) {
	if dir := os.Getenv("LOCALKUBE_SOURCE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			for _, candidate := range []string{dir, filepath.Join(dir, "deploy", "local")} {
				if isSource(candidate) {
					return candidate, nil
				}
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		if dir := filepath.Join(filepath.Dir(file), "..", ".."); isSource(dir) {
			return filepath.Clean(dir), nil
		}
	}
	return "", fmt.Errorf("the components' sources are not found: run inside the checkout, or set LOCALKUBE_SOURCE to its folder deploy/local")
}

func isSource(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "kubernetes", "go.mod"))
	return err == nil
}

// Dir is where a component's result is or will be.
func (p Place) Dir(c Component) (string, error) {
	key, err := c.Key(filepath.Join(p.Source, c.Name))
	if err != nil {
		return "", err
	}
	return filepath.Join(p.Cache, c.Name+"-"+key), nil
}

// Cached returns the folder of a component that is built already.
func (p Place) Cached(c Component) (dir string, built bool, err error) {
	if dir, err = p.Dir(c); err != nil {
		return "", false, err
	}
	_, err = os.Stat(filepath.Join(dir, c.Name))
	return dir, err == nil, nil
}
