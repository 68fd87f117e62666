// Package kube is the little of a Kubernetes client that localkube needs.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Client talks to one API server with a client certificate.
type Client struct {
	server string
	http   *http.Client
}

// Object is any Kubernetes object.
type Object = map[string]any

// Error is an answer other than success.
type Error struct {
	Status int
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Status, e.Text) }

// IsStatus says whether err is an answer with that HTTP status.
func IsStatus(err error, status int) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status == status
}

// New makes a client from ca.crt, <user>.crt and <user>.key in the folder pki.
func New(server, pki, user string) (*Client, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(pki, user+".crt"), filepath.Join(pki, user+".key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(pki, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	return &Client{server: server, http: &http.Client{Transport: transport}}, nil
}

// requestLimit bounds one request that is not a watch.
const requestLimit = 10 * time.Second

// Get reads path into out, which may be nil.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Create posts an object; one that is there already is no error.
func (c *Client) Create(ctx context.Context, path string, object any) error {
	err := c.do(ctx, http.MethodPost, path, "application/json", object, nil)
	if IsStatus(err, http.StatusConflict) {
		return nil
	}
	return err
}

// Patch sends a JSON merge patch.
func (c *Client) Patch(ctx context.Context, path string, patch any) error {
	return c.do(ctx, http.MethodPatch, path, "application/merge-patch+json", patch, nil)
}

// Delete deletes the object at path if it still is the one with that uid.
func (c *Client) Delete(ctx context.Context, path, uid string) error {
	options := Object{"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": Object{"uid": uid}}
	err := c.do(ctx, http.MethodDelete, path, "application/json", options, nil)
	if IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

func (c *Client) do(ctx context.Context, method, path, contentType string, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	answer, err := c.send(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(text, out)
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, reader)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "localkube")
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 2000))
		return nil, &Error{Status: answer.StatusCode, Text: string(text)}
	}
	return answer, nil
}

// Watch calls changed for every event of a watch until it ends or is cut.
func (c *Client) Watch(ctx context.Context, path string, changed func()) error {
	answer, err := c.send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	events := json.NewDecoder(answer.Body)
	for {
		var event json.RawMessage
		if err := events.Decode(&event); err != nil {
			return err
		}
		changed()
	}
}
