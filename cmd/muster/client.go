package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// socketName is the management socket in the data folder; only its owner may
// open it.
const socketName = "muster.sock"

// client speaks the REST API for the command line: to the running server
// through its socket, or, when the server is stopped, to the same handlers in
// this process working on the data directly.
type client struct {
	http  *http.Client
	close func() error
}

// dial returns a client for the data folder that c names.
func dial(ctx context.Context, c *cli) (*client, error) {
	path := filepath.Join(c.Data, socketName)
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}}
		return &client{http: &http.Client{Transport: t}, close: func() error { t.CloseIdleConnections(); return nil }}, nil
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return offline(ctx, c)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s belongs to somebody else; run this as the user that runs the server", path)
	}
	return nil, err
}

// offline opens the data of a stopped server.
func offline(ctx context.Context, c *cli) (*client, error) {
	if _, err := os.Stat(c.Data); err != nil {
		return nil, fmt.Errorf("there is no data in %s: start the server once with 'muster serve --data %s', or name the right folder with --data", c.Data, c.Data)
	}
	h, stop, err := openOffline(ctx, c)
	if err != nil {
		return nil, err
	}
	return &client{http: &http.Client{Transport: inProcess{h}}, close: stop}, nil
}

// inProcess is a RoundTripper that calls a handler without a network.
type inProcess struct{ h http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	w := &pipeWriter{header: make(http.Header), body: pw, started: make(chan struct{})}
	go func() {
		defer func() {
			// As net/http does: the answer breaks off where the handler did.
			if v := recover(); v != nil {
				w.WriteHeader(http.StatusInternalServerError)
				pw.CloseWithError(fmt.Errorf("the answer broke off: %v", v))
			}
		}()
		t.h.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		pw.Close()
	}()
	<-w.started
	return &http.Response{
		StatusCode: w.code, Status: http.StatusText(w.code), Header: w.sent,
		Body: pr, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
	}, nil
}

type pipeWriter struct {
	header, sent http.Header
	code         int
	body         *io.PipeWriter
	started      chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(code int) {
	if w.code != 0 {
		return
	}
	w.code, w.sent = code, w.header.Clone()
	close(w.started)
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// problem is an RFC 9457 answer.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// do sends in (nil: no body) and decodes the answer into out (nil: ignored, an
// io.Writer: copied). A refusal comes back as the sentence the server gave.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the server did not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		var p problem
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Detail == "" && p.Title == "" {
			return fmt.Errorf("the server answered %s", resp.Status)
		}
		if p.Detail == "" {
			return errors.New(p.Title)
		}
		return errors.New(p.Detail)
	}
	switch out := out.(type) {
	case nil:
		// The answer is read to its end: the handler may still be writing it.
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	case io.Writer:
		_, err := io.Copy(out, resp.Body)
		return err
	default:
		return json.NewDecoder(resp.Body).Decode(out)
	}
}
