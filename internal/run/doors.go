package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Door is one listening address and what became of it.
type Door struct {
	Name    string `json:"name"`    // "rtsp", "https", …
	Network string `json:"network"` // "tcp" or "udp"
	Address string `json:"address"` // as bound; as configured while it is not
	Error   string `json:"error,omitempty"`
	Fix     string `json:"fix,omitempty"` // what a person can do about Error
}

// Doors binds listening sockets for all parts and remembers how each went, for
// the welcome text, the readiness check and the tests (which bind port 0).
type Doors struct {
	mu    sync.Mutex // guards doors
	doors map[string]Door
}

// NewDoors returns an empty set.
func NewDoors() *Doors { return &Doors{doors: make(map[string]Door)} }

// BindError says why an address cannot be listened on and how to fix it.
type BindError struct {
	Door Door
	Err  error
}

func (e *BindError) Error() string {
	return fmt.Sprintf("%s: cannot listen on %s %s: %s; %s", e.Door.Name, e.Door.Network, e.Door.Address, e.Door.Error, e.Door.Fix)
}

func (e *BindError) Unwrap() error { return e.Err }

// Listen binds a TCP address. The error is a *BindError.
func (d *Doors) Listen(ctx context.Context, name, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, d.failed(name, "tcp", address, err)
	}
	d.set(Door{Name: name, Network: "tcp", Address: l.Addr().String()})
	return l, nil
}

// ListenPacket binds a UDP address. The error is a *BindError.
func (d *Doors) ListenPacket(ctx context.Context, name, address string) (*net.UDPConn, error) {
	var lc net.ListenConfig
	c, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, d.failed(name, "udp", address, err)
	}
	d.set(Door{Name: name, Network: "udp", Address: c.LocalAddr().String()})
	return c.(*net.UDPConn), nil
}

// Bound records a socket that a library opened itself.
func (d *Doors) Bound(name, network, address string) {
	d.set(Door{Name: name, Network: network, Address: address})
}

// Failed records and returns the *BindError of a socket that a library could
// not open.
func (d *Doors) Failed(name, network, address string, err error) error {
	return d.failed(name, network, address, err)
}

func (d *Doors) failed(name, network, address string, err error) error {
	door := Door{Name: name, Network: network, Address: address}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		door.Error = "another program has it"
		door.Fix = fmt.Sprintf("find it with 'ss -lnp | grep :%s' and stop it, or set another address for %s in the configuration", port, name)
	case errors.Is(err, syscall.EACCES):
		door.Error = "ports below 1024 are for root"
		door.Fix = "run 'sudo setcap cap_net_bind_service=+ep' on the muster program, or set a higher port for " + name + " in the configuration"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		door.Error = "this machine does not have that address"
		door.Fix = "correct the address of " + name + " in the configuration; ':" + port + "' means every address"
	default:
		door.Error = err.Error()
		door.Fix = "correct the address of " + name + " in the configuration"
	}
	d.set(door)
	return &BindError{Door: door, Err: err}
}

func (d *Doors) set(door Door) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.doors[door.Name] = door
}

func (d *Doors) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.doors, name)
}

// Addr returns the address that the named door is bound to, or "" while it is not.
func (d *Doors) Addr(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	door := d.doors[name]
	if door.Error != "" {
		return ""
	}
	return door.Address
}

// List returns all doors, by name.
func (d *Doors) List() []Door {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Door, 0, len(d.doors))
	for _, door := range d.doors {
		out = append(out, door)
	}
	slices.SortFunc(out, func(a, b Door) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// bindRetry is the pause before an address that could not be had is tried again.
const bindRetry = 10 * time.Second

// Keep serves the door called name at a TCP address until ctx ends. When the
// address cannot be had, or serve returns, it says so once and tries again
// later; other doors of the same part are not concerned. serve gets a listener
// that is closed when ctx ends, and returns when that is so.
func (d *Doors) Keep(ctx context.Context, log *slog.Logger, name, address string, serve func(context.Context, net.Listener) error) {
	Retry(ctx, log, name, func(ctx context.Context) error {
		l, err := d.Listen(ctx, name, address)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { l.Close() })()
		defer l.Close()
		defer d.forget(name) // it is not open while nobody serves it
		return serve(ctx, l)
	})
}

// Retry calls f until ctx ends, with a pause after each return. An error is
// logged once for as long as it stays the same.
func Retry(ctx context.Context, log *slog.Logger, name string, f func(context.Context) error) {
	said := ""
	for {
		err := f(ctx)
		if ctx.Err() != nil {
			return
		}
		if text := fmt.Sprint(err); text != said {
			said = text
			log.Error("a door is shut; it is tried again, and the rest runs", "door", name, "error", err)
		}
		select {
		case <-time.After(bindRetry):
		case <-ctx.Done():
			return
		}
	}
}
